/** From the shared parameters of a body to what the engine samples by; pure. */
import type { OutputParams, SamplingParams, StoppingParams } from '../../../inference/types.ts';
import { InvalidValue } from '../../../plugins/errors/api-error.ts';
import type { GenerationBody } from './schema.ts';

/**
 * OpenAI's defaults, not the checkpoint's: a client that leaves a parameter out gets what the API promises.
 * @throws InvalidValue for a key of `logit_bias` that is no token id
 */
export function samplingParams(body: GenerationBody): SamplingParams {
  const { temperature, top_p, top_k, min_p, typical_p, presence_penalty, frequency_penalty, repetition_penalty, logit_bias, seed } = body;
  return {
    temperature: temperature ?? 1,
    topP: top_p ?? 1,
    topK: Math.max(0, top_k ?? 0),
    minP: min_p ?? 0,
    typicalP: typical_p ?? 1,
    presencePenalty: presence_penalty ?? 0,
    frequencyPenalty: frequency_penalty ?? 0,
    repetitionPenalty: repetition_penalty ?? 1,
    ...(logit_bias !== undefined && { logitBias: biases(logit_bias) }),
    ...(seed !== undefined && { seed }),
  };
}

function biases(given: Readonly<Record<string, number>>): Map<number, number> {
  return new Map(
    Object.entries(given).map(([key, bias]) => {
      if (/^\d{1,15}$/.test(key)) return [Number(key), bias];
      throw new InvalidValue(`Invalid key in 'logit_bias': '${key.slice(0, 64)}'. Keys are token ids: integers from 0 on.`, 'logit_bias');
    }),
  );
}

/**
 * @param maxTokens most new tokens; undefined for as many as the context holds
 * @throws InvalidValue if that is less than the least number asked for
 */
export function stoppingParams(body: GenerationBody, maxTokens: number | undefined): StoppingParams {
  const { stop, stop_token_ids, min_tokens = 0, ignore_eos, include_stop_str_in_output } = body;
  if (maxTokens !== undefined && min_tokens > maxTokens) {
    throw new InvalidValue(`'min_tokens' is ${min_tokens}, but the answer has at most ${maxTokens} tokens.`, 'min_tokens');
  }
  return {
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    stopTokenIds: stop_token_ids ?? [],
    minTokens: min_tokens,
    ignoreEos: ignore_eos ?? false,
    includeStop: include_stop_str_in_output ?? false,
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

/** @param logprobs likeliest tokens to tell beside each; undefined for no log probabilities at all */
export function outputParams({ skip_special_tokens }: GenerationBody, logprobs: number | undefined): OutputParams {
  return { skipSpecialTokens: skip_special_tokens ?? true, ...(logprobs !== undefined && { logprobs }) };
}
