/** How likely the model itself found a token, and which ones it found likeliest. */
import { EngineFailure } from '../errors.ts';
import { exponential, LOWEST_SCORE } from './exponential.ts';

export interface ScoredToken {
  readonly id: number;
  /** Natural logarithm of its probability; -Infinity for one that cannot be. */
  readonly logprob: number;
}

export interface ScoredChoice extends ScoredToken {
  /** The likeliest tokens, the best first; among equals the lower ids. */
  readonly top: readonly ScoredToken[];
}

/**
 * Log-softmax of a row `[vocab]`, before penalties, bias, temperature and cuts, as vLLM's default `raw_logprobs`.
 * @param count of the likeliest tokens to list; a few dozen at most
 * @throws EngineFailure for a row without one usable logit
 */
export function scoreChoice(logits: Float32Array, id: number, count: number): ScoredChoice {
  const ranked = likeliest(logits, Math.max(1, count));
  const largest = logits[ranked[0] ?? -1];
  if (largest === undefined) throw new EngineFailure('The model returned a row of logits without a finite value.');
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const score = (logits[i] as number) - largest;
    if (score >= LOWEST_SCORE) sum += exponential(score);
  }
  const norm = largest + Math.log(sum);
  const scored = (token: number): ScoredToken => ({ id: token, logprob: (logits[token] ?? Number.NEGATIVE_INFINITY) - norm });
  return { ...scored(id), top: ranked.slice(0, count).map(scored) };
}

/** Ids of the `count` largest, in descending order, by insertion: all but a few logits are compared with the smallest of them only. */
function likeliest(logits: Float32Array, count: number): number[] {
  const ids: number[] = [];
  let smallest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (!(logit > smallest)) continue;
    let at = Math.min(ids.length, count - 1);
    for (; at > 0 && (logits[ids[at - 1] as number] as number) < logit; at--) ids[at] = ids[at - 1] as number;
    ids[at] = id;
    if (ids.length === count) smallest = logits[ids[count - 1] as number] as number;
  }
  return ids;
}
