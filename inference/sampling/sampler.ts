/** Chooses the next token of one sequence from a row of logits. */
import { EngineFailure } from '../errors.ts';
import type { SamplingParams } from '../types.ts';
import { adjustmentsFor, type MinTokens } from './adjustments.ts';
import { Candidates } from './candidates.ts';
import { cutsFor, lowestScore } from './cuts.ts';
import { TokenHistory } from './history.ts';
import { uniform } from './random.ts';

/**
 * Token `index` of the sequence, given the logits `[vocab]` after the tokens before it, which are left as they are. Remembers
 * what it chose, so it is asked once for each token, in order.
 */
export type Sampler = (logits: Float32Array, index: number) => number;

/** Shared by all samplers of an engine, which choose one after the other. */
export class SamplerScratch {
  readonly candidates: Candidates;
  /** `[vocab]`: the row of logits that adjustments change. */
  readonly adjusted: Float32Array;

  constructor(vocabSize: number) {
    this.candidates = new Candidates(vocabSize);
    this.adjusted = new Float32Array(vocabSize);
  }
}

export interface SamplerOptions {
  readonly params: SamplingParams;
  /** Of the request. */
  readonly seed: number;
  /** Number of the choice: with seed and index it fixes the random number. */
  readonly stream: number;
  readonly promptIds: Iterable<number>;
  readonly minTokens: MinTokens;
  readonly scratch: SamplerScratch;
}

/** @returns a sampler that throws EngineFailure for a row without one usable logit */
export function createSampler({ params, seed, stream, promptIds, minTokens, scratch }: SamplerOptions): Sampler {
  const { temperature } = params;
  const { candidates } = scratch;
  const floor = lowestScore(params);
  const cuts = cutsFor(params);
  const choose = (logits: Float32Array, index: number) => {
    if (temperature === 0) return argmax(logits);
    candidates.load(logits, temperature, floor);
    for (const cut of cuts) cut(candidates);
    return draw(candidates, uniform(seed, stream, index));
  };
  const adjustments = adjustmentsFor(params, minTokens);
  if (adjustments.length === 0) return choose;

  const history = new TokenHistory(promptIds);
  return (logits, index) => {
    const adjusted = scratch.adjusted.subarray(0, logits.length);
    adjusted.set(logits);
    for (const adjust of adjustments) adjust(adjusted, history);
    const id = choose(adjusted, index);
    history.add(id);
    return id;
  };
}

/** True if the sampler always takes the largest logit. */
export function takesLargest(params: SamplingParams, minTokens: number): boolean {
  return params.temperature === 0 && adjustmentsFor(params, { count: minTokens, endTokenIds: new Set() }).length === 0;
}

/** Index of the largest logit, the first of equals. */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  // Four comparisons that hardly ever hold, side by side: a vocabulary takes little more than half the time.
  for (let four = 0; four < logits.length; four += 4) {
    const end = Math.min(four + 4, logits.length);
    if (
      end === four + 4 &&
      !(at(logits, four) > largest || at(logits, four + 1) > largest || at(logits, four + 2) > largest || at(logits, four + 3) > largest)
    )
      continue;
    for (let id = four; id < end; id++) {
      if (!(at(logits, id) > largest)) continue;
      largest = at(logits, id);
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

const at = (logits: Float32Array, id: number) => logits[id] as number;

function unusable(): EngineFailure {
  return new EngineFailure('The model returned a row of logits without a finite value.');
}
