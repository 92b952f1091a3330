/** Logits processors: each narrows the candidates down by one rule. A sampler applies its list in order. */
import type { SamplingParams } from '../types.ts';
import type { Candidates } from './candidates.ts';

export type Processor = (candidates: Candidates) => void;

/** Keeps the `k` likeliest tokens. */
function topK(k: number): Processor {
  return (candidates) => {
    if (k < candidates.count) candidates.keepBest(k, 'tokens');
  };
}

/** Nucleus sampling (Holtzman et al. 2020): keeps the fewest likeliest tokens whose probability among the candidates reaches `p`; at least one. */
function topP(p: number): Processor {
  return (candidates) => {
    const sum = candidates.weigh();
    candidates.keepBest(Math.max(p * sum, Number.MIN_VALUE), 'weights');
  };
}

/** The order is that of transformers and vLLM: temperature (applied when the row is loaded), top-k, top-p. */
export function processorsFor(params: SamplingParams): readonly Processor[] {
  const processors: Processor[] = [];
  if (params.topK > 0) processors.push(topK(params.topK));
  if (params.topP < 1) processors.push(topP(params.topP));
  return processors;
}
