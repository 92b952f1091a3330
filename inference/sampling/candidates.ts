/** The tokens that may still be drawn, with their scores: the reused scratch that cuts narrow down. */
import { exponential, LOWEST_SCORE } from './exponential.ts';
import { type Cut, Selection } from './selection.ts';

/**
 * Candidates are kept in ascending order of token id, packed into the first `count` places. One instance serves all
 * sequences of an engine in turn; nothing of the size of the vocabulary is allocated for a row.
 */
export class Candidates {
  /** `[vocab]`, the first `count` in use, as in `scores` and `weights`. */
  readonly ids: Int32Array;
  /** Logit less the row's largest, divided by the temperature: from LOWEST_SCORE to 0. */
  readonly scores: Float32Array;
  /** What `weigh` fills in, and cuts keep. */
  readonly weights: Float64Array;
  count = 0;
  /** Whether `weights` are those of the scores. */
  #weighed = false;
  readonly #typicality: Float32Array;
  readonly #selection: Selection;

  constructor(vocabSize: number) {
    this.ids = new Int32Array(vocabSize);
    this.scores = new Float32Array(vocabSize);
    this.weights = new Float64Array(vocabSize);
    this.#typicality = new Float32Array(vocabSize);
    this.#selection = new Selection(vocabSize);
  }

  /**
   * Takes a row of logits `[≤ vocab]`. Tokens at -Infinity or NaN are no candidates, nor are those whose probability is nothing
   * beside the likeliest one's.
   * @param temperature above 0
   * @param lowest score of a candidate, at most 0
   */
  load(logits: Float32Array, temperature: number, lowest = LOWEST_SCORE): void {
    const { ids, scores } = this;
    const size = logits.length;
    let largest = Number.NEGATIVE_INFINITY;
    for (let id = 0; id < size; id++) {
      const logit = logits[id] as number;
      if (logit > largest) largest = logit;
    }
    const inverse = 1 / temperature;
    const floor = Math.max(lowest, LOWEST_SCORE);
    let count = 0;
    for (let id = 0; id < size; id++) {
      // The largest first: a temperature near 0 then drives the others to -Infinity, and never the best to Infinity or NaN.
      const difference = (logits[id] as number) - largest;
      const score = difference === 0 ? 0 : Math.fround(difference * inverse);
      if (score >= floor) {
        ids[count] = id;
        scores[count] = score;
        count++;
      }
    }
    this.count = count;
    this.#weighed = false;
  }

  /** Fills `weights` with unnormalised probabilities, 1 for the likeliest token; returns their sum. */
  weigh(): number {
    const { scores, weights, count } = this;
    if (!this.#weighed) for (let i = 0; i < count; i++) weights[i] = exponential(scores[i] as number);
    this.#weighed = true;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += weights[i] as number;
    return sum;
  }

  /** Keeps the `k` likeliest; among equals the lower ids. */
  keepLikeliest(k: number): void {
    if (k >= this.count) return;
    this.weights.fill(1, 0, this.count);
    this.#weighed = false;
    this.#keep(this.scores, this.#selection.cut(this.scores, this.weights, this.count, k));
  }

  /** Keeps the fewest likeliest whose probability among the candidates reaches `share`, at least one; among equals the lower ids. */
  keepNucleus(share: number): void {
    const sum = this.weigh();
    this.#keep(this.scores, this.#selection.cut(this.scores, this.weights, this.count, goalOf(share, sum)));
  }

  /** As `keepNucleus`, but the best are those whose information is nearest to the distribution's entropy. */
  keepTypical(share: number): void {
    const { scores, weights, count } = this;
    const keys = this.#typicality;
    const sum = this.weigh();
    // −log p is the score's distance from 0 plus the logarithm of the sum, and so is the entropy, their mean: the logarithm drops out.
    let mean = 0;
    for (let i = 0; i < count; i++) mean += (weights[i] as number) * (scores[i] as number);
    mean /= sum;
    for (let i = 0; i < count; i++) keys[i] = -Math.abs((scores[i] as number) - mean);
    this.#keep(keys, this.#selection.cut(keys, weights, count, goalOf(share, sum)));
  }

  /** Drops all beyond the cut. */
  #keep(keys: Float32Array, cut: Cut | null): void {
    if (cut === null) return;
    const { ids, scores, weights, count } = this;
    const { key, place } = cut;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const own = keys[i] as number;
      if (own < key || (own === key && i > place)) continue;
      ids[kept] = ids[i] as number;
      scores[kept] = scores[i] as number;
      weights[kept] = weights[i] as number;
      kept++;
    }
    this.count = kept;
  }
}

/** Above 0, so that one candidate is kept in any case. */
function goalOf(share: number, sum: number): number {
  return Math.max(share * sum, Number.MIN_VALUE);
}
