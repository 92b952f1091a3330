/** What one choice of a request chooses its tokens and says its text with. */
import { RequestError } from '../errors.ts';
import { createSampler, type Sampler, type SamplerScratch } from '../sampling/sampler.ts';
import type { Decode } from '../text/detokenizer.ts';
import { Continuation } from './continuation.ts';
import type { EngineRequest } from './request.ts';

/** What all requests of an engine share. */
export interface OutputContext {
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  readonly decode: Decode;
  readonly scratch: SamplerScratch;
}

export interface TokenOutput {
  readonly sampler: Sampler;
  readonly continuation: Continuation;
}

/**
 * @param maxTokens most tokens of each choice
 * @param seed of the request; each choice draws from the stream of its number
 * @returns an output for each choice in turn
 * @throws RequestError for token ids that the model does not have
 */
export function tokenOutputs(request: EngineRequest, maxTokens: number, seed: number, context: OutputContext): readonly TokenOutput[] {
  const { sampling, stopping } = request;
  requireWithin(context.vocabSize, sampling.logitBias?.keys() ?? [], 'logit_bias');
  const { scratch } = context;
  const skipSpecial = request.output?.skipSpecialTokens ?? true;
  const decode: Decode = (ids) => context.decode(ids, { skipSpecial });
  const endTokenIds = new Set([...(stopping.ignoreEos === true ? [] : context.eosTokenIds), ...stopping.stopTokenIds]);
  const minTokens = { count: stopping.minTokens ?? 0, endTokenIds };
  return Array.from({ length: request.n }, (_, stream) => ({
    sampler: createSampler({ params: sampling, seed, stream, promptIds: request.ids, minTokens, scratch }),
    continuation: new Continuation({
      decode,
      endTokenIds,
      maxTokens,
      stop: stopping.stop,
      minTokens: stopping.minTokens ?? 0,
      includeStop: stopping.includeStop ?? false,
    }),
  }));
}

function requireWithin(vocabSize: number, ids: Iterable<number>, param: string): void {
  for (const id of ids) {
    if (id >= 0 && id < vocabSize) continue;
    throw new RequestError(`${param} has the token id ${id}; the model's ids are from 0 to ${vocabSize - 1}.`, param);
  }
}
