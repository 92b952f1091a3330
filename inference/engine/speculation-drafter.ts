/** Guesses how one sequence goes on, and keeps count of how often that was right. */
import { LONGEST_MATCH, type Match, SpeculationIndex } from './speculation-index.ts';

/**
 * How often a guess is taken to be right at first, by the length of the match that it comes from: too little to be computed.
 * It costs nothing to see first whether it would have been right, and where text repeats it does so for longer.
 */
const PRIOR: readonly number[] = [0, 0.1, 0.2, 0.3];
/** Weight of one more token: some eight of them tell whether the text repeats now. */
const WEIGHT = 0.2;

export class Drafter {
  readonly #promptIds: ArrayLike<number>;
  readonly #barrier: number | null;
  /** Made with the first token: until then nothing is guessed. */
  #index: SpeculationIndex | null = null;
  #match: Match | null = null;
  readonly #accuracy: number[] = PRIOR.slice(0, LONGEST_MATCH + 1);

  /** @param barrier see {@link SpeculationIndex} */
  constructor(promptIds: ArrayLike<number>, barrier: number | null) {
    this.#promptIds = promptIds;
    this.#barrier = barrier;
  }

  /** Probability, by what was seen lately, that the next token is the guessed one; 0 if nothing is guessed. */
  get confidence(): number {
    return this.#match === null ? 0 : (this.#accuracy[this.#match.length] ?? 0);
  }

  /**
   * Takes the sequence's next token. Every token tells how good a guess was, whether it was used or not: to leave off
   * and to begin again needs no trial.
   */
  push(token: number): void {
    this.#index ??= new SpeculationIndex(this.#promptIds, this.#barrier);
    if (this.#match !== null) {
      const { length, next } = this.#match;
      const was = this.#accuracy[length] ?? 0;
      const hit = this.#index.follow(next, 1)[0] === token ? 1 : 0;
      this.#accuracy[length] = was + WEIGHT * (hit - was);
    }
    this.#index.push(token);
    this.#match = this.#index.match();
  }

  /** At most `count` tokens that may come next. */
  draft(count: number): number[] {
    return this.#match === null || this.#index === null ? [] : this.#index.follow(this.#match.next, count);
  }
}
