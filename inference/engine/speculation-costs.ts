/** Learns how long decode runs take, by their number of rows, from those that are run anyway. */

/**
 * Weight of one more run that was faster than expected, and of one that was slower: what makes a run slow (a first use of
 * memory, a collection, another program) tells little of the next one.
 */
const WEIGHTS = { faster: 0.2, slower: 0.1 } as const;
/** A first run pays for memory and plans of its shape; only the second tells what those after it will take. */
const LEAST_RUNS = 2;
/**
 * Milliseconds of runs after which what was seen of a number of rows is forgotten: contexts have grown or are others. Long
 * enough that trials take no time worth mentioning.
 */
const MEMORY_MS = 20_000;
/** Share of the first row's time that each further row is expected to take where nothing was seen. */
const MARGINAL = 0.3;

interface Seen {
  readonly ms: number;
  readonly runs: number;
  /** When, in milliseconds of runs. */
  readonly at: number;
}

export class StepCosts {
  readonly #seen = new Map<number, Seen>();
  #now = 0;

  observe(rows: number, ms: number): void {
    this.#now += ms;
    const before = this.#remembered(rows);
    this.#seen.set(rows, { ms: before === null ? ms : learnt(before, ms), runs: (before?.runs ?? 0) + 1, at: this.#now });
  }

  /** Milliseconds of a run of so many rows; in proportion only, while nothing was seen. */
  estimate(rows: number): number {
    const known = this.#known(rows);
    if (known !== null) return known;
    let below: number | null = null;
    let above: number | null = null;
    for (const other of this.#seen.keys()) {
      if (this.#known(other) === null) continue;
      if (other < rows && (below === null || other > below)) below = other;
      if (other > rows && (above === null || other < above)) above = other;
    }
    const [low, high] = [this.#known(below), this.#known(above)];
    if (below !== null && above !== null && low !== null && high !== null) {
      return low + ((high - low) * (rows - below)) / (above - below);
    }
    const nearest = below ?? above;
    return nearest === null ? shape(rows) : ((low ?? high ?? 0) * shape(rows)) / shape(nearest);
  }

  #known(rows: number | null): number | null {
    const seen = rows === null ? null : this.#remembered(rows);
    return seen === null || seen.runs < LEAST_RUNS ? null : seen.ms;
  }

  #remembered(rows: number): Seen | null {
    const seen = this.#seen.get(rows);
    return seen === undefined || this.#now - seen.at > MEMORY_MS ? null : seen;
  }
}

function learnt(before: Seen, ms: number): number {
  if (before.runs < LEAST_RUNS) return Math.min(before.ms, ms);
  return before.ms + (ms < before.ms ? WEIGHTS.faster : WEIGHTS.slower) * (ms - before.ms);
}

const shape = (rows: number) => 1 + MARGINAL * (rows - 1);
