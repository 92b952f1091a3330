/** Whose turn it is to get a slot, and who gives one up for it. */

/** What must be known of a sequence to say who goes first. */
export interface Waiter {
  /** The lower, the sooner. */
  readonly priority: number;
  /** Tokens of its prompt and of its answer so far. */
  readonly known: number;
  /** True while its reader is behind. */
  readonly paused: boolean;
  /** True while its next token is being chosen: it stays where it is. */
  readonly held: boolean;
}

/** Slots in a row that may go past the sequence that came first. */
export const MAX_PASSED_OVER = 16;
/** Tokens that a sequence says before a slot that it got in spite of its priority, or got back, may be taken from it. */
export const MIN_TURN = 16;

interface Place {
  /** Smaller for those who came earlier; kept when a slot is given up. */
  readonly arrival: number;
  /** Tokens it must have before its slot may be taken from it. */
  readonly safeUntil: number;
  readonly preempted: boolean;
}

export interface Turn<S> {
  readonly sequence: S;
  /** It had a slot before. */
  readonly resumes: boolean;
  /** It gets its slot in spite of its priority. */
  readonly passedOver: boolean;
}

/**
 * A free slot goes to the best priority, among equals to those who came first. A slot that is not free goes to the best
 * priority from the running sequence of the worst, of equals the youngest; among equals only from one that is paused.
 *
 * Nobody starves: after {@link MAX_PASSED_OVER} slots in a row that went past the sequence that came first, this one gets the
 * next slot that is free, whatever its priority. Such a slot, and one that is had again, is kept for {@link MIN_TURN} tokens,
 * or as many as had to be computed again if these are more; so every turn brings its sequence nearer to its end, and at most
 * half of all decoding is done twice.
 *
 * Who is paused neither gets a slot nor keeps one against a priority as good as its own: a reader that has stopped holds up nobody.
 */
export class WaitingLine<S extends Waiter> {
  /** Of all that wait or run. */
  readonly #places = new Map<S, Place>();
  readonly #waiting = new Set<S>();
  #arrivals = 0;
  #passedOver = 0;

  get size(): number {
    return this.#waiting.size;
  }

  add(sequence: S): void {
    this.#places.set(sequence, { arrival: this.#arrivals++, safeUntil: 0, preempted: false });
    this.#waiting.add(sequence);
  }

  /** Forgets a sequence, whether it waits or runs. */
  remove(sequence: S): void {
    this.#places.delete(sequence);
    this.#waiting.delete(sequence);
  }

  /** @param slotIsFree false if one would have to be taken from somebody */
  turn(slotIsFree: boolean): Turn<S> | null {
    let first: S | null = null;
    let best: S | null = null;
    for (const sequence of this.#waiting) {
      if (sequence.paused) continue;
      if (first === null || this.#arrival(sequence) < this.#arrival(first)) first = sequence;
      if (best === null || this.#order(sequence, best) < 0) best = sequence;
    }
    const passedOver = slotIsFree && first !== best && this.#passedOver >= MAX_PASSED_OVER;
    const sequence = passedOver ? first : best;
    if (sequence === null) return null;
    return { sequence, resumes: this.#places.get(sequence)?.preempted ?? false, passedOver };
  }

  /** @returns which of `running` gives up its slot for the sequence, or null */
  victim(sequence: S, running: Iterable<S>): S | null {
    let worst: S | null = null;
    for (const candidate of running) {
      const givesWay = candidate.paused ? candidate.priority >= sequence.priority : candidate.priority > sequence.priority;
      if (!givesWay || this.#keepsSlot(candidate)) continue;
      if (worst === null || this.#order(candidate, worst) > 0) worst = candidate;
    }
    return worst;
  }

  /**
   * The sequence gets a slot.
   * @param again tokens of its answer that are to be computed again
   */
  leave({ sequence, resumes, passedOver }: Turn<S>, again: number): void {
    this.#waiting.delete(sequence);
    const arrival = this.#arrival(sequence);
    const isFirst = [...this.#waiting].every((other) => other.paused || this.#arrival(other) > arrival);
    this.#passedOver = isFirst ? 0 : this.#passedOver + 1;
    const safeUntil = resumes || passedOver ? sequence.known + Math.max(MIN_TURN, again) : 0;
    this.#places.set(sequence, { arrival, safeUntil, preempted: false });
  }

  /** The sequence gave up its slot, and waits in the place that it came in. */
  comeBack(sequence: S): void {
    this.#places.set(sequence, { arrival: this.#arrival(sequence), safeUntil: 0, preempted: true });
    this.#waiting.add(sequence);
  }

  #keepsSlot(sequence: S): boolean {
    if (sequence.held) return true;
    return !sequence.paused && sequence.known < (this.#places.get(sequence)?.safeUntil ?? 0);
  }

  /** Negative if `a` is to go before `b`. */
  #order(a: S, b: S): number {
    return a.priority - b.priority || this.#arrival(a) - this.#arrival(b);
  }

  #arrival(sequence: S): number {
    return this.#places.get(sequence)?.arrival ?? this.#arrivals;
  }
}
