/** Decides how many tokens of each sequence a decode run is to compute. Pure: it sees probabilities and times, and computes nothing. */

/** What can be expected of a sequence beyond the one token that each run gives it. */
export interface Prospect {
  /** Further tokens that are known already: it computes again what it had to give up. */
  readonly certain: number;
  /** Probability that one more guessed token is right, given that those before it are. */
  readonly confidence: number;
  /** Most tokens, certain and guessed ones, that can be used. */
  readonly most: number;
}

export interface RowLimits {
  /** Rows of one slot: a power of two. */
  readonly rowsPerSlot: number;
  /** Rows of a run together. */
  readonly rows: number;
}

/** What has to be gained for it to be worth the risk that estimates are wrong. */
const LEAST_GAIN = 1.15;

/** Tokens by which a run with so many rows for the sequence can be expected to bring it further. */
export function expectedTokens({ certain, confidence, most }: Prospect, rows: number): number {
  let tokens = 1;
  let probability = 1;
  for (let draft = 0; draft < Math.min(rows - 1, most); draft++) {
    if (draft >= certain) probability *= confidence;
    tokens += probability;
  }
  return tokens;
}

/**
 * Rows that each slot of a decode run gets: as many as bring the most tokens for its time, all slots the same.
 * @param prospects of the sequences that are due
 * @param slots of the run, idle ones among them
 * @param cost milliseconds of a run of so many rows
 * @returns a power of two; 1 decodes as if nothing were guessed
 */
export function chooseRows(prospects: readonly Prospect[], slots: number, limits: RowLimits, cost: (rows: number) => number): number {
  let best = 1;
  let bestRate = (LEAST_GAIN * prospects.length) / cost(slots);
  for (let rows = 2; rows <= limits.rowsPerSlot && rows * slots <= limits.rows; rows *= 2) {
    const tokens = prospects.reduce((sum, prospect) => sum + expectedTokens(prospect, rows), 0);
    const rate = tokens / cost(rows * slots);
    if (rate > bestRate) {
      best = rows;
      bestRate = rate;
    }
  }
  return best;
}
