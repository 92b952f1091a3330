/** From the shared parameters of a body to what the engine samples by; pure. */
import type { SamplingParams, StoppingParams } from '../../../inference/types.ts';
import type { GenerationBody } from './schema.ts';

/** OpenAI's defaults, not the checkpoint's: a client that leaves a parameter out gets what the API promises. */
export function samplingParams({ temperature, top_p, top_k, seed }: GenerationBody): SamplingParams {
  return {
    temperature: temperature ?? 1,
    topP: top_p ?? 1,
    topK: Math.max(0, top_k ?? 0),
    ...(seed !== undefined && { seed }),
  };
}

/** @param maxTokens most new tokens; undefined for as many as the context holds */
export function stoppingParams({ stop, stop_token_ids }: GenerationBody, maxTokens: number | undefined): StoppingParams {
  return {
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    stopTokenIds: stop_token_ids ?? [],
    ...(maxTokens !== undefined && { maxTokens }),
  };
}
