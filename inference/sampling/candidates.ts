/** The tokens that may still be drawn, with their scores: the reused scratch that logits processors narrow down. */

/** Scores are sorted into this many buckets at a time when looking for a threshold. */
const BUCKETS = 1024;
/** A bucket with at most this many tokens is sorted rather than split again. */
const SORTED_AT_MOST = 64;
/** Splitting again divides the range by `BUCKETS`; float32 scores cannot need more than this. */
const MAX_SPLITS = 12;

/**
 * Candidates are kept in ascending order of token id, packed into the first `count` places. One instance serves all
 * sequences of an engine in turn; nothing is allocated for a row.
 */
export class Candidates {
  /** `[vocab]`, the first `count` in use, as in `scores` and `weights`. */
  readonly ids: Int32Array;
  /** Logit less the row's largest, divided by the temperature: never above 0. */
  readonly scores: Float32Array;
  /** Unnormalised probabilities, `exp(score)`; filled by `weigh`. */
  readonly weights: Float64Array;
  count = 0;
  readonly #massOf = new Float64Array(BUCKETS);
  /** No score is below this. */
  #lowest = 0;

  constructor(vocabSize: number) {
    this.ids = new Int32Array(vocabSize);
    this.scores = new Float32Array(vocabSize);
    this.weights = new Float64Array(vocabSize);
  }

  /**
   * Takes a row of logits `[≤ vocab]`. Tokens at -Infinity or NaN are no candidates.
   * @param temperature above 0
   */
  load(logits: Float32Array, temperature: number): void {
    const { ids, scores } = this;
    const size = logits.length;
    let largest = Number.NEGATIVE_INFINITY;
    for (let id = 0; id < size; id++) {
      const logit = logits[id] as number;
      if (logit > largest) largest = logit;
    }
    const inverse = 1 / temperature;
    let count = 0;
    let lowest = 0;
    for (let id = 0; id < size; id++) {
      // The largest first: a temperature near 0 then drives the others to -Infinity, and never the best to Infinity or NaN.
      const difference = (logits[id] as number) - largest;
      const score = difference === 0 ? 0 : Math.fround(difference * inverse);
      if (score > Number.NEGATIVE_INFINITY) {
        ids[count] = id;
        scores[count] = score;
        if (score < lowest) lowest = score;
        count++;
      }
    }
    this.count = count;
    this.#lowest = lowest;
  }

  /** Fills `weights`; returns their sum. */
  weigh(): number {
    const { scores, weights, count } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const weight = Math.exp(scores[i] as number);
      weights[i] = weight;
      sum += weight;
    }
    return sum;
  }

  /**
   * Keeps the fewest candidates, best first, whose summed mass reaches `goal`; among equal scores the lower id is better.
   * `mass` counts tokens (top-k) or their weights (top-p, after `weigh`). Narrows the place of the threshold down by
   * histograms, dropping what lies below at once, and so never sorts the vocabulary.
   */
  keepBest(goal: number, mass: 'tokens' | 'weights'): void {
    const byWeight = mass === 'weights';
    // All above `high` are kept and have the mass `reached`; the threshold is among the `between` scores from `low` to `high`.
    let high = 0;
    let low = this.#lowest;
    let between = this.count;
    let reached = 0;
    for (let split = 0; between > SORTED_AT_MOST && low < high && split < MAX_SPLITS; split++) {
      const scale = BUCKETS / (high - low);
      this.#countBuckets(high, scale, byWeight);
      let crossing = 0;
      while (crossing < BUCKETS && reached + (this.#massOf[crossing] as number) < goal) {
        reached += this.#massOf[crossing] as number;
        crossing++;
      }
      if (crossing === BUCKETS) return; // the goal is out of reach, be it by rounding: all that are left stay
      [high, low, between] = this.#keepBuckets(crossing, high, scale);
      this.#lowest = low;
    }
    this.#keepAbove(high, goal - reached, byWeight);
  }

  /** Sums the mass of the candidates up to `high` by bucket. */
  #countBuckets(high: number, scale: number, byWeight: boolean): void {
    const { scores, weights, count } = this;
    const massOf = this.#massOf;
    massOf.fill(0);
    for (let i = 0; i < count; i++) {
      const score = scores[i] as number;
      if (score > high) continue;
      const bucket = bucketOf(score, high, scale);
      massOf[bucket] = (massOf[bucket] as number) + (byWeight ? (weights[i] as number) : 1);
    }
  }

  /** Drops all beyond the bucket `last`; returns that bucket's highest and lowest score and its size. */
  #keepBuckets(last: number, high: number, scale: number): [high: number, low: number, size: number] {
    const { ids, scores, weights, count } = this;
    let kept = 0;
    let highest = Number.NEGATIVE_INFINITY;
    let lowest = Number.POSITIVE_INFINITY;
    let size = 0;
    for (let i = 0; i < count; i++) {
      const score = scores[i] as number;
      if (score <= high) {
        const bucket = bucketOf(score, high, scale);
        if (bucket > last) continue;
        if (bucket === last) {
          if (score > highest) highest = score;
          if (score < lowest) lowest = score;
          size++;
        }
      }
      ids[kept] = ids[i] as number;
      scores[kept] = score;
      weights[kept] = weights[i] as number;
      kept++;
    }
    this.count = kept;
    return [highest, lowest, size];
  }

  /** Keeps all above `high`, and of the others the best whose mass reaches `missing`. */
  #keepAbove(high: number, missing: number, byWeight: boolean): void {
    const { ids, scores, weights, count } = this;
    const places: number[] = [];
    for (let i = 0; i < count; i++) if ((scores[i] as number) <= high) places.push(i);
    if (this.#lowest < high) places.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
    let last = -1;
    let sum = 0;
    for (const place of places) {
      if (sum >= missing) break;
      sum += byWeight ? (weights[place] as number) : 1;
      last = place;
    }
    const threshold = last < 0 ? high : (scores[last] as number);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const score = scores[i] as number;
      if (score < threshold || (score === threshold && i > last)) continue;
      ids[kept] = ids[i] as number;
      scores[kept] = score;
      weights[kept] = weights[i] as number;
      kept++;
    }
    this.count = kept;
    this.#lowest = threshold;
  }
}

/** Bucket 0 begins at `high`. A range too narrow to be divided falls into one bucket, and is sorted in the end. */
function bucketOf(score: number, high: number, scale: number): number {
  const bucket = ((high - score) * scale) | 0;
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}
