/** Speculative decoding: decode runs that also compute guessed tokens, where what they bring is worth their time. */
import { StepCosts } from './speculation-costs.ts';
import { chooseRows, type Prospect, type RowLimits } from './speculation-policy.ts';

/** What is asked of a sequence. */
export interface Speculative {
  readonly prospect: Prospect;
}

export interface SpeculationCounts {
  /** Guessed tokens that were computed. */
  readonly draftTokens: number;
  /** Those of them that were right. */
  readonly acceptedTokens: number;
}

export class Speculation {
  readonly #limits: RowLimits;
  readonly #costs = new StepCosts();
  #draftTokens = 0;
  #acceptedTokens = 0;

  constructor(limits: RowLimits) {
    this.#limits = limits;
  }

  get counts(): SpeculationCounts {
    return { draftTokens: this.#draftTokens, acceptedTokens: this.#acceptedTokens };
  }

  /** @param slots of a decode run in order: each the sequence that is due there, or null */
  rowsPerSlot(slots: readonly (Speculative | null)[]): number {
    const prospects = slots.flatMap((sequence) => sequence?.prospect ?? []);
    return chooseRows(prospects, slots.length, this.#limits, (rows) => this.#costs.estimate(rows));
  }

  /** Notes how long a decode run took. */
  ran(rows: number, milliseconds: number): void {
    this.#costs.observe(rows, milliseconds);
  }

  /** Notes how many guessed tokens of a sequence a run computed, and how many were right. */
  guessed(drafted: number, accepted: number): void {
    this.#draftTokens += drafted;
    this.#acceptedTokens += accepted;
  }
}
