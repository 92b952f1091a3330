/** Decides what the engine does next. Pure policy: it sees counts, never a tensor, and computes nothing. */
import type { SlotCopy } from './model-runner.ts';
import { bestSource, type Placement, place } from './placement.ts';
import { type SlotHolder, SlotTable } from './slots.ts';

/** What the policy must know of a sequence. */
export interface Schedulable extends SlotHolder {
  readonly promptLength: number;
  /** Tokens in the cache. Below `promptLength` the sequence is being prefilled, from there on it decodes. */
  readonly computed: number;
  /** Prompt tokens that may be in the cache by now: up to the first image whose features are missing. */
  readonly computable: number;
  /** True while its reader is behind: it keeps its slot, but decodes nothing. */
  readonly paused: boolean;
}

interface DecodeRow<S> {
  /** Holder of the row's slot, or null. */
  readonly sequence: S | null;
  /** Tokens at the head of the slot that must not be written over. */
  readonly length: number;
  /** False for a row that is only there because the range is contiguous. */
  readonly due: boolean;
}

interface Copy<S> extends SlotCopy {
  /** Whose prompt it is, and who goes on behind it; null when a free slot makes room for another's use. */
  readonly sequence: S | null;
}

/** A sequence that got a slot. */
export interface Admission<S> {
  readonly sequence: S;
  /** Tokens of its prompt that are in the slot. */
  readonly reused: number;
  /** Tokens of its prompt that will be there after the copies that come next. */
  readonly expected: number;
}

export type Action<S> =
  /** Run the vision encoder over at most `images` images. */
  | { readonly kind: 'encode'; readonly images: number }
  | { readonly kind: 'prefill'; readonly sequence: S; readonly slot: number; readonly start: number; readonly tokens: number }
  /** Copy what the tokens `start … start + tokens - 1` have in the cache from one slot to another. */
  | ({ readonly kind: 'copy' } & Copy<S>)
  | { readonly kind: 'decode'; readonly firstSlot: number; readonly rows: readonly DecodeRow<S>[] }
  | { readonly kind: 'idle' };

export interface SchedulerOptions {
  readonly slots: number;
  /** Most sequences that may wait for a slot. */
  readonly maxQueue: number;
  /**
   * Prompt tokens of one run, at least 3, and the most between two decode rounds: the bound on what a long prompt costs
   * everybody else.
   */
  readonly prefillChunk: number;
  /** Most images of one run of the vision encoder while nothing decodes. */
  readonly imageBatch: number;
  /** Most images of one run of the vision encoder between two decode steps. */
  readonly imageBatchBesideDecode: number;
  /** Idle rows between two due ones beyond which two runs are cheaper than one: a run costs about as much as this many rows. */
  readonly maxGap: number;
  /** Prompts start from what a slot has of them already. */
  readonly prefixCache: boolean;
}

/**
 * Wherever a prompt is cut, its bits are the same, as long as no run has one token more than a multiple of this. The runtime
 * attends for blocks of tokens, and multiplies a block that is a single row by another routine, which rounds otherwise.
 * Blocks are of `2 · headDim` tokens, or of fewer if the processor's caches are small: multiples of 16 all the same
 * (`MlasFlashAttention` in ONNX Runtime; found by comparing bits, and watched over by a test).
 */
const ATTENTION_BLOCK = 16;

/** Copying so many tokens takes no longer than computing one. */
const COPIED_PER_COMPUTED = 32;

/**
 * Slots are given first come, first served, and so are prefill chunks. A free slot keeps the prompt of its last holder, and
 * a prompt starts from what any slot has of it. Decoding goes in rounds: in each, every sequence that decodes and is not
 * paused gets one token; between two rounds there are at most `prefillChunk` prompt tokens, one run of the vision encoder
 * and the copies for one admission.
 */
export class Scheduler<S extends Schedulable> {
  readonly #options: SchedulerOptions;
  readonly #slots: SlotTable<S>;
  /** In order of arrival. */
  readonly #waiting = new Set<S>();
  /** Sequences that have yet to decode in the round under way. */
  readonly #due = new Set<S>();
  /** Decided, and not done yet; before them nothing else is. */
  readonly #copies: Copy<S>[] = [];
  #prefilledSinceRound = 0;
  #encodedSinceRound = false;
  #encodedLast = false;
  #copiedSinceRound = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = new SlotTable(options.slots, options.prefixCache);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#slots.size - this.#slots.free;
  }

  /** Sequences that fit in without making the queue longer than `maxQueue`. */
  get room(): number {
    return this.#slots.free + this.#options.maxQueue - this.#waiting.size;
  }

  /** Adds a sequence to the end of the queue; the caller has looked at `room`. */
  enqueue(sequence: S): void {
    this.#waiting.add(sequence);
  }

  /** Takes a sequence out, wherever it is. Its slot is free at once, and given away at the next `admit`. */
  remove(sequence: S): void {
    this.#waiting.delete(sequence);
    this.#due.delete(sequence);
    this.#slots.release(sequence);
  }

  /** The slot does not have what a copy was to bring there. */
  forget(slot: number): void {
    this.#slots.forget(slot);
  }

  /** Gives free slots to those who have waited longest. */
  admit(): Admission<S>[] {
    const admitted: Admission<S>[] = [];
    for (const sequence of this.#waiting) {
      if (this.#copiesAreDue() && this.#decoding().length > 0) break;
      const placement = place(this.#slots, sequence.key, this.#options.maxGap + 1);
      if (placement === null) break;
      this.#waiting.delete(sequence);
      this.#settle(sequence, placement);
      admitted.push({ sequence, reused: placement.reused, expected: placement.source?.tokens ?? placement.reused });
    }
    return admitted;
  }

  /** One admission's copies are all that those who decode wait for. */
  #copiesAreDue(): boolean {
    return this.#copiedSinceRound || this.#copies.length > 0;
  }

  #settle(sequence: S, { slot, reused, evacuateTo, source }: Placement): void {
    if (evacuateTo !== null) {
      this.#copies.push({ sequence: null, from: slot, to: evacuateTo, start: 0, tokens: this.#slots.keptIn(slot) });
      this.#slots.duplicate(slot, evacuateTo);
    }
    this.#slots.acquire(sequence, slot);
    if (source === null) return;
    this.#copies.push({ sequence, from: source.slot, to: slot, start: reused, tokens: source.tokens - reused });
    this.#slots.use(source.slot, source.tokens);
  }

  /** @param imagesReady images that sequences with a slot need and that could be encoded now */
  next(imagesReady: number): Action<S> {
    const copy = this.#nextCopy();
    if (copy !== null) return copy;
    for (const sequence of this.#due) if (sequence.paused) this.#due.delete(sequence);
    if (this.#due.size > 0) return this.#decode();
    const decoding = this.#decoding();
    return this.#encode(imagesReady, decoding.length > 0) ?? this.#prefill(decoding.length > 0) ?? this.#startRound(decoding);
  }

  #nextCopy(): Action<S> | null {
    for (let copy = this.#copies.shift(); copy !== undefined; copy = this.#copies.shift()) {
      this.#copiedSinceRound = true;
      if (copy.sequence === null || this.#slots.slotOf(copy.sequence) === copy.to) return { kind: 'copy', ...copy };
    }
    return null;
  }

  #decoding(): S[] {
    return [...this.#slots.holders()].filter((sequence) => sequence.computed >= sequence.promptLength && !sequence.paused);
  }

  #encode(imagesReady: number, besideDecode: boolean): Action<S> | null {
    if (imagesReady === 0) return null;
    if (besideDecode && this.#encodedSinceRound) return null;
    // Turns with prefill: those whose images are done need not wait until everybody's are.
    if (this.#encodedLast && this.#nextPrefill() !== null) {
      this.#encodedLast = false;
      return null;
    }
    this.#encodedLast = true;
    this.#encodedSinceRound = true;
    const most = besideDecode ? this.#options.imageBatchBesideDecode : this.#options.imageBatch;
    return { kind: 'encode', images: Math.min(imagesReady, most) };
  }

  #prefill(besideDecode: boolean): Action<S> | null {
    const sequence = this.#nextPrefill();
    if (sequence === null) return null;
    const { computed, key } = sequence;
    const slot = this.#slotOf(sequence);
    // Others have computed since it got its slot.
    const source = bestSource(this.#slots, key, slot, computed);
    const tokens = source === null ? this.#chunk(sequence) : source.tokens - computed;
    const cost = source === null ? tokens : Math.min(Math.ceil(tokens / COPIED_PER_COMPUTED), this.#options.prefillChunk);
    if (besideDecode && this.#prefilledSinceRound + cost > this.#options.prefillChunk) return null;
    this.#prefilledSinceRound += cost;
    this.#encodedLast = false;
    if (source === null) return { kind: 'prefill', sequence, slot, start: computed, tokens };
    this.#slots.use(source.slot, source.tokens);
    return { kind: 'copy', sequence, from: source.slot, to: slot, start: computed, tokens };
  }

  #nextPrefill(): S | null {
    for (const sequence of this.#slots.holders()) {
      const { computed, computable, promptLength } = sequence;
      if (computed < promptLength && computable >= computed + this.#chunk(sequence)) return sequence;
    }
    return null;
  }

  #chunk({ computed, promptLength }: S): number {
    const left = promptLength - computed;
    let tokens = Math.min(this.#options.prefillChunk, left);
    while (tokens > 1 && (tokens % ATTENTION_BLOCK === 1 || left - tokens === 1)) tokens--;
    return tokens;
  }

  #startRound(decoding: readonly S[]): Action<S> {
    this.#prefilledSinceRound = 0;
    this.#encodedSinceRound = false;
    this.#copiedSinceRound = false;
    if (decoding.length === 0) return { kind: 'idle' };
    for (const sequence of decoding) this.#due.add(sequence);
    return this.#decode();
  }

  /** Takes the lowest range of due slots without a gap that would be cheaper to leave out. */
  #decode(): Action<S> {
    const slots = [...this.#due].map((sequence) => this.#slotOf(sequence)).sort((a, b) => a - b);
    const firstSlot = slots[0] ?? 0;
    let lastSlot = firstSlot;
    for (const slot of slots) {
      if (slot - lastSlot - 1 > this.#options.maxGap) break;
      lastSlot = slot;
    }
    const rows: DecodeRow<S>[] = [];
    for (let slot = firstSlot; slot <= lastSlot; slot++) {
      const sequence = this.#slots.holderOf(slot);
      rows.push({ sequence, length: this.#slots.lengthOf(slot), due: sequence !== null && this.#due.delete(sequence) });
    }
    return { kind: 'decode', firstSlot, rows };
  }

  #slotOf(sequence: S): number {
    const slot = this.#slots.slotOf(sequence);
    if (slot === undefined) throw new Error('A sequence without a slot was scheduled.');
    return slot;
  }
}
