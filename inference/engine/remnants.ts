/** What is left in the cache of sequences that had to give up their slots: all that nobody has written over yet. */
import { MIN_SHARED } from './slots.ts';

export interface Remnant {
  readonly slot: number;
  /** The sequence's own tokens `from … to - 1` are in the slot, at their positions. */
  readonly from: number;
  readonly to: number;
}

/**
 * A successor writes a slot from its beginning, so what it leaves of the tokens before is an end, and that of an answer
 * before that of a prompt. Unlike a kept prompt it is of use to its own sequence alone: what decoding wrote is rounded otherwise.
 */
export class Remnants<Owner> {
  readonly #of = new Map<Owner, Remnant>();

  /** The owner gave up a slot in which it had so many tokens. */
  leave(owner: Owner, slot: number, tokens: number): void {
    this.#of.set(owner, { slot, from: 0, to: tokens });
  }

  /** The positions before `end` of the slot have been written, or are about to be. */
  wrote(slot: number, end: number): void {
    for (const [owner, remnant] of this.#of) {
      if (remnant.slot === slot && remnant.from < end) this.#of.set(owner, { ...remnant, from: end });
    }
  }

  /** What there is of the owner, if it is worth going on from; then it may be written over. */
  take(owner: Owner): Remnant | null {
    const remnant = this.find(owner);
    this.#of.delete(owner);
    return remnant;
  }

  find(owner: Owner): Remnant | null {
    const remnant = this.#of.get(owner);
    return remnant !== undefined && remnant.to - remnant.from >= MIN_SHARED ? remnant : null;
  }
}
