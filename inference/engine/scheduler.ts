/** Decides what the engine does next. Pure policy: it sees counts, never a tensor, and computes nothing. */
import type { Action, Admission, Copy, DecodeRow } from './action.ts';
import { bestSource, type Placement, place } from './placement.ts';
import { type Remnant, Remnants } from './remnants.ts';
import { type SlotHolder, SlotTable } from './slots.ts';
import { type Turn, type Waiter, WaitingLine } from './waiting-line.ts';

/** What the policy must know of a sequence. */
export interface Schedulable extends SlotHolder, Waiter {
  readonly promptLength: number;
  /**
   * Tokens in the cache. Below `promptLength` the sequence is being prefilled, from there on it decodes. Below `known` - 1 it
   * computes again, by the same kinds of runs, what it had to give up: a prefill rounds otherwise than decoding does.
   */
  readonly computed: number;
  /** Prompt tokens that may be in the cache by now: up to the first image whose features are missing. */
  readonly computable: number;
}

export interface SchedulerOptions<S extends Schedulable = Schedulable> {
  readonly slots: number;
  /** Most sequences that may wait for a slot. */
  readonly maxQueue: number;
  /**
   * Prompt tokens of one run, at least 3, and the most between two decode rounds: the bound on what a long prompt costs
   * everybody else.
   */
  readonly prefillChunk: number;
  /** What of them there is at least between two rounds, however many wait for it. Default `prefillChunk`. */
  readonly leastChunk?: number;
  /** Most images of one run of the vision encoder while nothing decodes. */
  readonly imageBatch: number;
  /** Most images of one run of the vision encoder between two decode steps. */
  readonly imageBatchBesideDecode: number;
  /** Idle rows between two due ones beyond which two runs are cheaper than one: a run costs about as much as this many rows. */
  readonly maxGap: number;
  /** Prompts start from what a slot has of them already. */
  readonly prefixCache: boolean;
  /** Tokens that a decode run computes for each of its slots: in each, who is due there, or null. Default one. */
  readonly tokensPerSlot?: (slots: readonly (S | null)[]) => number;
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

/** With so many more sequences that decode than one, half of the usual prompt tokens come between two rounds; with twice as many, a third. */
const HALVING = 4;

/** Of so many chunks one is of the prompt that got its slot first, however long it is. */
const FIRST_COME_EVERY = 4;

/**
 * Slots are given as {@link WaitingLine} says. A free slot keeps the prompt of its last holder, and a prompt starts from what
 * any slot has of it. Decoding goes in rounds: in each, every sequence that decodes and is not paused gets one token; between
 * two rounds there are at most `prefillChunk` prompt tokens, the fewer the more decode, one run of the vision encoder and the copies for one admission.
 * Chunks go to the best priority, among equals to the prompt with the least left, so that short ones need not wait for the
 * whole of a long one; every fourth goes to the prompt that got its slot first, so that long ones come to their end.
 */
export class Scheduler<S extends Schedulable> {
  readonly #options: SchedulerOptions<S>;
  readonly #slots: SlotTable<S>;
  readonly #line = new WaitingLine<S>();
  readonly #remnants = new Remnants<S>();
  /** Sequences that have yet to decode in the round under way. */
  readonly #due = new Set<S>();
  /** Decided, and not done yet; before them nothing else is. */
  readonly #copies: Copy<S>[] = [];
  #chunks = 0;
  /** Most tokens of a chunk now. */
  #limit: number;
  #prefilledSinceRound = 0;
  #encodedSinceRound = false;
  #encodedLast = false;
  #copiedSinceRound = false;

  constructor(options: SchedulerOptions<S>) {
    this.#options = options;
    this.#limit = options.prefillChunk;
    this.#slots = new SlotTable(options.slots, options.prefixCache);
  }

  get waiting(): number {
    return this.#line.size;
  }

  get running(): number {
    return this.#slots.size - this.#slots.free;
  }

  /** Sequences that fit in without making the queue longer than `maxQueue`. */
  get room(): number {
    return this.#slots.free + this.#options.maxQueue - this.#line.size;
  }

  /** Lets a sequence wait for its turn; the caller has looked at `room`. */
  enqueue(sequence: S): void {
    this.#line.add(sequence);
  }

  /** Takes a sequence out, wherever it is. Its slot is free at once, and given away at the next `admit`. */
  remove(sequence: S): void {
    this.#line.remove(sequence);
    this.#remnants.take(sequence);
    this.#due.delete(sequence);
    this.#slots.release(sequence);
  }

  /** The slot does not have what a copy was to bring there. */
  forget(slot: number): void {
    this.#slots.forget(slot);
  }

  /** Gives slots to those whose turn it is. */
  admit(): Admission<S>[] {
    const admitted: Admission<S>[] = [];
    while (!this.#copiesAreDue() || this.#decoding().length === 0) {
      const slotIsFree = this.#slots.free > 0;
      const turn = this.#line.turn(slotIsFree);
      if (turn === null) break;
      const preempted = slotIsFree ? null : this.#line.victim(turn.sequence, this.#slots.holders());
      if (preempted !== null) this.#preempt(preempted);
      const former = this.#remnants.find(turn.sequence)?.slot;
      const placement = place(this.#slots, turn.sequence.key, this.#options.maxGap + 1, former);
      if (placement === null) break;
      admitted.push(this.#settle(turn, placement, preempted));
    }
    return admitted;
  }

  /** One admission's copies are all that those who decode wait for. */
  #copiesAreDue(): boolean {
    return this.#copiedSinceRound || this.#copies.length > 0;
  }

  #preempt(sequence: S): void {
    if (this.#options.prefixCache) this.#remnants.leave(sequence, this.#slotOf(sequence), sequence.computed);
    for (const copy of this.#copies.splice(0)) if (copy.sequence !== sequence) this.#copies.push(copy);
    this.#due.delete(sequence);
    this.#slots.release(sequence);
    this.#line.comeBack(sequence);
  }

  #settle(turn: Turn<S>, { slot, reused, evacuateTo, source }: Placement, preempted: S | null): Admission<S> {
    const { sequence } = turn;
    if (evacuateTo !== null) {
      this.#copyLater({ sequence: null, from: slot, to: evacuateTo, start: 0, tokens: this.#slots.keptIn(slot), ahead: false });
      this.#slots.duplicate(slot, evacuateTo);
    }
    const own = this.#remnants.take(sequence);
    this.#line.leave(turn, decodedAgain(sequence, own));
    this.#slots.acquire(sequence, slot);
    let expected = reused;
    if (own !== null && own.slot !== slot) {
      this.#copyLater({ sequence, from: own.slot, to: slot, start: own.from, tokens: own.to - own.from, ahead: true });
    }
    // From where its own tokens begin, it needs nobody else's.
    if (source !== null && (own === null || own.from > reused)) {
      this.#copyLater({ sequence, from: source.slot, to: slot, start: reused, tokens: source.tokens - reused, ahead: false });
      this.#slots.use(source.slot, source.tokens);
      expected = source.tokens;
    }
    return { sequence, preempted, reused, expected, ahead: own?.slot === slot ? own : null };
  }

  #copyLater(copy: Copy<S>): void {
    this.#copies.push(copy);
    this.#remnants.wrote(copy.to, copy.start + copy.tokens);
  }

  /** @param imagesReady images that sequences with a slot need and that could be encoded now */
  next(imagesReady: number): Action<S> {
    const copy = this.#nextCopy();
    if (copy !== null) return copy;
    for (const sequence of this.#due) if (sequence.paused) this.#due.delete(sequence);
    if (this.#due.size > 0) return this.#decode();
    const decoding = this.#decoding();
    this.#limit = this.#limitBeside(decoding.length);
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
    const cost = source === null ? tokens : Math.min(Math.ceil(tokens / COPIED_PER_COMPUTED), this.#limit);
    if (besideDecode && this.#prefilledSinceRound + cost > this.#limit) return null;
    this.#prefilledSinceRound += cost;
    this.#encodedLast = false;
    this.#chunks++;
    this.#remnants.wrote(slot, computed + tokens);
    if (source === null) return { kind: 'prefill', sequence, slot, start: computed, tokens };
    this.#slots.use(source.slot, source.tokens);
    return { kind: 'copy', sequence, from: source.slot, to: slot, start: computed, tokens, ahead: false };
  }

  #nextPrefill(): S | null {
    let next: S | null = null;
    for (const sequence of this.#slots.holders()) {
      const { computed, computable, promptLength } = sequence;
      if (computed >= promptLength || computable < computed + this.#chunk(sequence)) continue;
      if (this.#chunks % FIRST_COME_EVERY === FIRST_COME_EVERY - 1) return sequence;
      if (next === null || isSooner(sequence, next)) next = sequence;
    }
    return next;
  }

  /** What each prompt token costs, all those wait for who decode. */
  #limitBeside(decoding: number): number {
    const { prefillChunk, leastChunk = prefillChunk } = this.#options;
    const share = (prefillChunk * HALVING) / (HALVING - 1 + Math.max(1, decoding));
    return Math.max(Math.min(leastChunk, prefillChunk), Math.floor(share / ATTENTION_BLOCK) * ATTENTION_BLOCK);
  }

  #chunk({ computed, promptLength }: S): number {
    const left = promptLength - computed;
    let tokens = Math.min(this.#limit, left);
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
    const tokensPerSlot = this.#options.tokensPerSlot?.(rows.map(({ sequence, due }) => (due ? sequence : null))) ?? 1;
    for (const [i, { length, due }] of rows.entries()) this.#remnants.wrote(firstSlot + i, length + (due ? tokensPerSlot : 1));
    return { kind: 'decode', firstSlot, rows, tokensPerSlot };
  }

  #slotOf(sequence: S): number {
    const slot = this.#slots.slotOf(sequence);
    if (slot === undefined) throw new Error('A sequence without a slot was scheduled.');
    return slot;
  }
}

/** Whether the prompt of `a` is to be computed before that of `b`, which got its slot earlier. */
function isSooner(a: Schedulable, b: Schedulable): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  return a.promptLength - a.computed < b.promptLength - b.computed;
}

/** Tokens of its answer that a sequence has to compute again, its own remnant aside. */
function decodedAgain({ known, promptLength }: Schedulable, own: Remnant | null): number {
  return Math.max(0, Math.min(own?.from ?? known, known) - promptLength);
}
