/** The engine's only view of tensors: it computes what the scheduler decided, and never decides itself. */
import type { ModelSpec } from '../models/spec.ts';

export interface PrefillChunk {
  readonly slot: number;
  /** Tokens of this slot already in the cache. */
  readonly start: number;
  readonly ids: Int32Array;
  /** For each id, the row of `imageFeatures` that replaces its embedding, or -1. */
  readonly imageIndex: Int32Array | null;
  /** `[rows, hidden]`, or null when the chunk has no image token. */
  readonly imageFeatures: Float32Array | null;
  /** True if this chunk ends the prompt, and so its last logits are wanted. */
  readonly wantLogits: boolean;
  /** True if the logits of all its tokens are wanted. Default false. */
  readonly everyLogit?: boolean;
}

/** One decode step over contiguous slots from `firstSlot` on, each with one row, or with `rowsPerSlot` of them in turn. */
export interface DecodeStep {
  readonly firstSlot: number;
  /** Token to feed in each row. */
  readonly ids: Int32Array;
  /**
   * Tokens in the cache before each row's own: of a slot's first row those already there, of a later one those and the rows
   * between. An idle slot of the range is given its own length: what is written there is overwritten later. A row that repeats
   * another, token and length, is idle as well.
   */
  readonly lengths: Int32Array;
  /** A power of two up to the runner's `rowsPerSlot`. Default 1. */
  readonly rowsPerSlot?: number;
}

/** The cache of `tokens` tokens from `start` on, copied from one slot to another at the same positions. */
export interface SlotCopy {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly tokens: number;
}

export interface ModelRunner {
  readonly spec: ModelSpec;
  readonly slots: number;
  readonly maxModelLen: number;
  /** Most rows of one slot in a decode step; each gives the bits that it would give in a step of its own. */
  readonly rowsPerSlot: number;
  /** Most rows together of a decode step in which slots have several. */
  readonly verifyRows: number;
  /** Milliseconds spent inside the runtime so far. */
  readonly runtimeMs: number;
  /** `pixels` is `[count, 3, height, width]`; resolves to `[count, tokensPerImage, hidden]`. */
  encodeImages(pixels: Float32Array, count: number): Promise<Float32Array>;
  /** Resolves to the logits of the chunk's last token, `[vocab]`, of all, `[tokens, vocab]`, or null. Valid until the next call. */
  prefill(chunk: PrefillChunk): Promise<Float32Array | null>;
  /** Resolves to logits `[rows, vocab]`. Valid until the next call. */
  decode(step: DecodeStep): Promise<Float32Array>;
  copy(copy: SlotCopy): Promise<void>;
  close(): Promise<void>;
}
