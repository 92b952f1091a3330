/** Rules that leave only some tokens to draw from, after temperature; the likeliest token always stays, but for `typicalP`. */
import type { SamplingParams } from '../types.ts';
import type { Candidates } from './candidates.ts';

export type Cut = (candidates: Candidates) => void;

/**
 * The score below which a token has less than `minP` of the likeliest token's probability (Nguyen et al. 2024).
 * @returns -Infinity when nothing is to be cut
 */
export function lowestScore({ minP = 0 }: SamplingParams): number {
  return Math.log(minP);
}

/**
 * The order is vLLM's: temperature and min-p (both applied when the row is loaded), top-k, top-p (nucleus sampling, Holtzman et
 * al. 2020). Locally typical sampling (Meister et al. 2022), which vLLM lacks, comes last, as in transformers. Of these only
 * min-p has another place in transformers, after top-p.
 */
export function cutsFor({ topK, topP, typicalP = 1 }: SamplingParams): readonly Cut[] {
  const cuts: Cut[] = [];
  if (topK > 0) cuts.push((candidates) => candidates.keepLikeliest(topK));
  if (topP < 1) cuts.push((candidates) => candidates.keepNucleus(topP));
  if (typicalP < 1) cuts.push((candidates) => candidates.keepTypical(typicalP));
  return cuts;
}
