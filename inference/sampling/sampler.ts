/** Chooses the next token of one sequence from a row of logits. */
import { EngineFailure } from '../errors.ts';
import type { SamplingParams } from '../types.ts';
import type { Candidates } from './candidates.ts';
import { type Processor, processorsFor } from './processors.ts';
import { uniform } from './random.ts';

/** Token `index` of the sequence, given the logits `[vocab]` after the tokens before it. */
export type Sampler = (logits: Float32Array, index: number) => number;

/**
 * @param seed of the request; `stream` is the number of the choice: together with the token's index they fix the random number
 * @param scratch shared by all samplers of an engine
 * @returns a sampler that throws EngineFailure for a row without one usable logit
 */
export function createSampler(params: SamplingParams, seed: number, stream: number, scratch: Candidates): Sampler {
  if (params.temperature === 0) return argmax;
  const processors: readonly Processor[] = processorsFor(params);
  return (logits, index) => {
    scratch.load(logits, params.temperature);
    for (const process of processors) process(scratch);
    return draw(scratch, uniform(seed, stream, index));
  };
}

/** Index of the largest logit, the first of equals. */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  }
  if (best < 0) throw unusable();
  return best;
}

/** Inverts the cumulative distribution over the candidates, in order of id, at `coin` in [0, 1). */
function draw(candidates: Candidates, coin: number): number {
  if (candidates.count === 0) throw unusable();
  const goal = coin * candidates.weigh();
  const last = candidates.count - 1;
  let place = 0;
  for (let sum = candidates.weights[0] as number; sum <= goal && place < last; sum += candidates.weights[place] as number) place++;
  return candidates.ids[place] as number;
}

function unusable(): EngineFailure {
  return new EngineFailure('The model returned a row of logits without a finite value.');
}
