/** Decides what the engine does next. Pure policy: it sees counts, never a tensor, and computes nothing. */
import { SlotTable } from './slots.ts';

/** What the policy must know of a sequence. */
export interface Schedulable {
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
  /** False for a row that is only there because the range is contiguous. */
  readonly due: boolean;
}

export type Action<S> =
  /** Run the vision encoder over at most `images` images. */
  | { readonly kind: 'encode'; readonly images: number }
  | { readonly kind: 'prefill'; readonly sequence: S; readonly slot: number; readonly start: number; readonly tokens: number }
  | { readonly kind: 'decode'; readonly firstSlot: number; readonly rows: readonly DecodeRow<S>[] }
  | { readonly kind: 'idle' };

export interface SchedulerOptions {
  readonly slots: number;
  /** Most sequences that may wait for a slot. */
  readonly maxQueue: number;
  /**
   * Prompt tokens of one run, and the most between two decode rounds: the bound on what a long prompt costs everybody else.
   * Prompts are always cut at its multiples, never by the load, since attention rounds by the size of its matrices: the
   * same prompt gives the same bits whatever else is in the batch.
   */
  readonly prefillChunk: number;
  /** Most images of one run of the vision encoder while nothing decodes. */
  readonly imageBatch: number;
  /** Most images of one run of the vision encoder between two decode steps. */
  readonly imageBatchBesideDecode: number;
  /** Idle rows between two due ones beyond which two runs are cheaper than one: a run costs about as much as this many rows. */
  readonly maxGap: number;
}

/**
 * Slots are given first come, first served, and so are prefill chunks. Decoding goes in rounds: in each, every sequence
 * that decodes and is not paused gets one token; between two rounds there are at most `prefillChunk` prompt tokens and
 * one run of the vision encoder.
 */
export class Scheduler<S extends Schedulable> {
  readonly #options: SchedulerOptions;
  readonly #slots: SlotTable<S>;
  /** In order of arrival. */
  readonly #waiting = new Set<S>();
  /** Sequences that have yet to decode in the round under way. */
  readonly #due = new Set<S>();
  #prefilledSinceRound = 0;
  #encodedSinceRound = false;
  #encodedLast = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = new SlotTable(options.slots);
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

  /** Gives free slots to those who have waited longest; returns them. */
  admit(): S[] {
    const admitted: S[] = [];
    for (const sequence of this.#waiting) {
      if (this.#slots.acquire(sequence) === null) break;
      this.#waiting.delete(sequence);
      admitted.push(sequence);
    }
    return admitted;
  }

  /** @param imagesReady images that sequences with a slot need and that could be encoded now */
  next(imagesReady: number): Action<S> {
    for (const sequence of this.#due) if (sequence.paused) this.#due.delete(sequence);
    if (this.#due.size > 0) return this.#decode();
    const decoding = this.#decoding();
    return this.#encode(imagesReady, decoding.length > 0) ?? this.#prefill(decoding.length > 0) ?? this.#startRound(decoding);
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
    const tokens = this.#chunkEnd(sequence) - sequence.computed;
    if (besideDecode && this.#prefilledSinceRound + tokens > this.#options.prefillChunk) return null;
    this.#prefilledSinceRound += tokens;
    this.#encodedLast = false;
    return { kind: 'prefill', sequence, slot: this.#slotOf(sequence), start: sequence.computed, tokens };
  }

  #nextPrefill(): S | null {
    for (const sequence of this.#slots.holders()) {
      if (sequence.computed < sequence.promptLength && sequence.computable >= this.#chunkEnd(sequence)) return sequence;
    }
    return null;
  }

  #chunkEnd({ computed, promptLength }: S): number {
    const { prefillChunk } = this.#options;
    return Math.min((Math.floor(computed / prefillChunk) + 1) * prefillChunk, promptLength);
  }

  #startRound(decoding: readonly S[]): Action<S> {
    this.#prefilledSinceRound = 0;
    this.#encodedSinceRound = false;
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
      rows.push({ sequence, due: sequence !== null && this.#due.delete(sequence) });
    }
    return { kind: 'decode', firstSlot, rows };
  }

  #slotOf(sequence: S): number {
    const slot = this.#slots.slotOf(sequence);
    if (slot === undefined) throw new Error('A sequence without a slot was scheduled.');
    return slot;
  }
}
