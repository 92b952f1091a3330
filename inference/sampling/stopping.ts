/** Finds stop strings in text that arrives in pieces, and lets nothing of them out. */

export interface Released {
  /** Text that is safe to show: it holds no part of a stop string, unless asked to include a complete one. */
  readonly text: string;
  /** True when a stop string is complete; all that follows it is dropped. */
  readonly stopped: boolean;
}

/**
 * The stop string that is complete first ends the text (of several complete at the same character, the one that began first),
 * so the result does not depend on how the text is cut into pieces.
 */
export class StopMatcher {
  readonly #stops: readonly string[];
  readonly #includeStop: boolean;
  #held = '';

  /** @param includeStop whether the text that ends with a stop string holds it */
  constructor(stops: readonly string[], includeStop = false) {
    this.#stops = stops.filter((stop) => stop !== '');
    this.#includeStop = includeStop;
  }

  push(piece: string): Released {
    if (this.#stops.length === 0) return { text: piece, stopped: false };
    const text = this.#held + piece;
    const match = this.#firstMatch(text);
    if (match !== null) {
      this.#held = '';
      return { text: text.slice(0, this.#includeStop ? match.end : match.start), stopped: true };
    }
    const safe = text.length - this.#heldBack(text);
    this.#held = text.slice(safe);
    return { text: text.slice(0, safe), stopped: false };
  }

  /** The text held back so far: what looked like the beginning of a stop string when the text ended was none. */
  end(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  #firstMatch(text: string): { readonly start: number; readonly end: number } | null {
    let first: { start: number; end: number } | null = null;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      if (first === null || end < first.end || (end === first.end && start < first.start)) first = { start, end };
    }
    return first;
  }

  /** Length of the longest end of `text` with which a stop string begins. */
  #heldBack(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (stop.startsWith(text.slice(-length))) longest = length;
      }
    }
    return longest;
  }
}
