/** Rules that change single logits before anything is drawn, and so count for greedy choice as well. */
import type { SamplingParams } from '../types.ts';
import type { TokenHistory } from './history.ts';

/** Changes a row of logits `[vocab]` in place. */
export type Adjustment = (logits: Float32Array, history: TokenHistory) => void;

/** Tokens that must not be chosen before so many others were. */
export interface MinTokens {
  readonly count: number;
  readonly endTokenIds: ReadonlySet<number>;
}

function minTokens({ count, endTokenIds }: MinTokens): Adjustment {
  return (logits, { length }) => {
    if (length < count) for (const id of endTokenIds) change(logits, id, () => Number.NEGATIVE_INFINITY);
  };
}

function logitBias(biases: ReadonlyMap<number, number>): Adjustment {
  return (logits) => {
    for (const [id, bias] of biases) change(logits, id, (logit) => logit + bias);
  };
}

/** CTRL's penalty (Keskar et al. 2019) with the sign taken care of: each token of prompt and answer once, however often it occurs. */
function repetitionPenalty(penalty: number): Adjustment {
  const penalise = (logit: number) => (logit > 0 ? logit / penalty : logit * penalty);
  return (logits, { prompt, said }) => {
    for (const id of prompt) change(logits, id, penalise);
    for (const id of said.keys()) if (!prompt.has(id)) change(logits, id, penalise);
  };
}

/** OpenAI's penalties: of the answer alone, once for having occurred and once more for each occurrence. */
function occurrencePenalties(presence: number, frequency: number): Adjustment {
  return (logits, { said }) => {
    for (const [id, times] of said) change(logits, id, (logit) => logit - frequency * times - presence);
  };
}

function change(logits: Float32Array, id: number, by: (logit: number) => number): void {
  const logit = logits[id];
  if (logit !== undefined) logits[id] = by(logit);
}

/**
 * The order is that of vLLM's sampler (`vllm/v1/sample/sampler.py`): least number of tokens, bias, repetition penalty, frequency
 * and presence penalty. Transformers has bias and repetition penalty in the same order.
 */
export function adjustmentsFor(params: SamplingParams, least: MinTokens): readonly Adjustment[] {
  const { logitBias: biases, repetitionPenalty: repetition = 1, presencePenalty = 0, frequencyPenalty = 0 } = params;
  const adjustments: Adjustment[] = [];
  if (least.count > 0) adjustments.push(minTokens(least));
  if (biases !== undefined && biases.size > 0) adjustments.push(logitBias(biases));
  if (repetition !== 1) adjustments.push(repetitionPenalty(repetition));
  if (presencePenalty !== 0 || frequencyPenalty !== 0) adjustments.push(occurrencePenalties(presencePenalty, frequencyPenalty));
  return adjustments;
}
