/**
 * A model runner of plain arithmetic: logits are a hash of all that the slot's cache holds, in order, so that a wrong slot,
 * position, image or order gives another text. It refuses what a real cache would be corrupted by.
 */
import { setImmediate as macrotask } from 'node:timers/promises';
import type { DecodeStep, ModelRunner, PrefillChunk, SlotCopy } from '../../../inference/engine/model-runner.ts';
import type { ModelSpec, VisionSpec } from '../../../inference/models/spec.ts';

const VOCAB = 64;
export const EOS = 0;
export const IMAGE = 1;
export const vision = { imageHeight: 2, imageWidth: 2, tokensPerImage: 3, imageTokenId: IMAGE } satisfies VisionSpec;
const HIDDEN = 2;
/** Added to tokens that decoding writes, if these are to differ. */
const DECODED = 1 << 20;

export type Call =
  | { readonly kind: 'prefill'; readonly slot: number; readonly start: number; readonly tokens: number }
  | { readonly kind: 'decode'; readonly firstSlot: number; readonly rows: number; readonly rowsPerSlot: number }
  | ({ readonly kind: 'copy' } & SlotCopy)
  | { readonly kind: 'encode'; readonly count: number };

export interface ArithmeticRunnerOptions {
  readonly slots?: number;
  readonly maxModelLen?: number;
  /** Chance of the end token at each step, in 1/64; 0 never ends by itself. */
  readonly eosChance?: number;
  readonly withVision?: boolean;
  /** Rows that a slot may have in a decode step. Default 1. */
  readonly rowsPerSlot?: number;
  /** A token that was decoded is not, in the cache, the same as in a prompt: the runtime rounds otherwise. Default false. */
  readonly decodedDiffers?: boolean;
}

function mix(state: number, value: number): number {
  let h = Math.imul(state ^ value, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
  return (h ^ (h >>> 13)) >>> 0;
}

export class ArithmeticRunner implements ModelRunner {
  readonly spec: ModelSpec;
  readonly slots: number;
  readonly maxModelLen: number;
  readonly rowsPerSlot: number;
  readonly verifyRows = 32;
  runtimeMs = 0;
  readonly calls: Call[] = [];
  /** Called before each run; what it throws, the run rejects with. May wait. */
  before: (call: Call) => void | Promise<void> = () => {};
  readonly #cache: number[][];
  readonly #eosChance: number;
  readonly #decodedMark: number;
  #busy = false;

  constructor(options: ArithmeticRunnerOptions = {}) {
    this.slots = options.slots ?? 4;
    this.maxModelLen = options.maxModelLen ?? 256;
    this.rowsPerSlot = options.rowsPerSlot ?? 1;
    this.#eosChance = options.eosChance ?? 4;
    this.#decodedMark = options.decodedDiffers === true ? DECODED : 0;
    this.#cache = Array.from({ length: this.slots }, () => []);
    this.spec = {
      decoder: {
        vocabSize: VOCAB,
        hiddenSize: HIDDEN,
        layers: 1,
        heads: 1,
        kvHeads: 1,
        headDim: HIDDEN,
        maxPositions: this.maxModelLen,
      },
      vision: options.withVision === false ? null : vision,
    };
  }

  async encodeImages(pixels: Float32Array, count: number): Promise<Float32Array> {
    return this.#run({ kind: 'encode', count }, () => {
      const size = pixels.length / count;
      const features = new Float32Array(count * vision.tokensPerImage * HIDDEN);
      for (let image = 0; image < count; image++) {
        let state = 7;
        for (const value of pixels.subarray(image * size, (image + 1) * size)) state = mix(state, value);
        for (let i = 0; i < vision.tokensPerImage * HIDDEN; i++) {
          state = mix(state, i);
          features[image * vision.tokensPerImage * HIDDEN + i] = state % 1000;
        }
      }
      return features;
    });
  }

  async prefill(chunk: PrefillChunk): Promise<Float32Array | null> {
    const { slot, start, ids } = chunk;
    return this.#run({ kind: 'prefill', slot, start, tokens: ids.length }, () => {
      if (ids.length % 16 === 1 && start + ids.length > 1) throw new Error(`The last of ${ids.length} tokens is rounded as in decoding.`);
      for (const [i, id] of ids.entries()) {
        const row = chunk.imageIndex?.[i] ?? -1;
        if (id === IMAGE && this.spec.vision !== null && row < 0) throw new Error('An image token came without its features.');
        this.#write(slot, start + i, row < 0 ? id : this.#seen(chunk.imageFeatures, row));
      }
      if (chunk.everyLogit !== true) return chunk.wantLogits ? this.#logits(slot, start + ids.length) : null;
      const logits = new Float32Array(ids.length * VOCAB);
      for (const row of ids.keys()) logits.set(this.#logits(slot, start + row + 1), row * VOCAB);
      return logits;
    });
  }

  async decode(step: DecodeStep): Promise<Float32Array> {
    const { firstSlot, ids, lengths, rowsPerSlot = 1 } = step;
    if (rowsPerSlot > this.rowsPerSlot || (rowsPerSlot > 1 && ids.length > this.verifyRows)) throw new Error('Too many rows.');
    return this.#run({ kind: 'decode', firstSlot, rows: ids.length, rowsPerSlot }, () => {
      this.runtimeMs += 1 + ids.length / 40;
      const slotOf = (row: number) => firstSlot + Math.floor(row / rowsPerSlot);
      // All rows are written before any is read, as the runtime does.
      for (const [row, id] of ids.entries()) this.#write(slotOf(row), lengths[row] ?? Number.NaN, id + this.#decodedMark);
      const logits = new Float32Array(ids.length * VOCAB);
      for (const row of ids.keys()) logits.set(this.#logits(slotOf(row), (lengths[row] ?? 0) + 1), row * VOCAB);
      return logits;
    });
  }

  async copy(copy: SlotCopy): Promise<void> {
    return this.#run({ kind: 'copy', ...copy }, () => {
      const { from, to, start, tokens } = copy;
      const copied = this.#cache[from]?.slice(start, start + tokens) ?? [];
      if (from === to || copied.length !== tokens || tokens < 1) throw new Error(`Slot ${from} has no ${tokens} tokens at ${start}.`);
      for (const [i, value] of copied.entries()) this.#write(to, start + i, value);
    });
  }

  async close(): Promise<void> {}

  async #run<T>(call: Call, compute: () => T): Promise<T> {
    if (this.#busy) throw new Error('Two runs at once.');
    this.#busy = true;
    try {
      await macrotask();
      this.calls.push(call);
      await this.before(call);
      return compute();
    } finally {
      this.#busy = false;
    }
  }

  #seen(features: Float32Array | null, row: number): number {
    const values = features?.subarray(row * HIDDEN, (row + 1) * HIDDEN);
    if (values?.length !== HIDDEN) throw new Error(`Row ${row} is outside the image features.`);
    return mix(values[0] ?? 0, values[1] ?? 0);
  }

  #write(slot: number, position: number, value: number): void {
    const cache = this.#cache[slot];
    if (cache === undefined || !(position < this.maxModelLen)) throw new Error(`Slot ${slot}, position ${position} is outside the cache.`);
    if (position > cache.length) throw new Error(`Slot ${slot}: position ${position} was written before ${cache.length}.`);
    cache[position] = value;
  }

  #logits(slot: number, length: number): Float32Array {
    const seen = this.#cache[slot]?.slice(0, length) ?? [];
    let state = seen.reduce((hash, value) => mix(hash, value), 1);
    const logits = Float32Array.from({ length: VOCAB }, () => {
      state = mix(state, 3);
      return (state % 4096) / 512;
    });
    logits[EOS] = state % 64 < this.#eosChance ? 100 : -100;
    logits[IMAGE] = -100;
    return logits;
  }
}

/** A letter or sign for each id; the end token has no text. */
export function decode(ids: readonly number[]): string {
  return ids.map((id) => (id === EOS ? '' : String.fromCharCode(48 + id))).join('');
}
