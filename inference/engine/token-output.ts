/** What one choice of a request chooses its tokens and says its text with. */
import { RequestError } from '../errors.ts';
import { type ScoredToken, scoreChoice } from '../sampling/logprobs.ts';
import { createSampler, type Sampler, type SamplerScratch } from '../sampling/sampler.ts';
import type { Decode } from '../text/detokenizer.ts';
import type { TokenLogprob } from '../types.ts';
import type { Constraint } from './constraint.ts';
import { Continuation, type TokenScore } from './continuation.ts';
import { PromptScores, type Score } from './prompt-scores.ts';
import type { EngineRequest } from './request.ts';
import { Drafter } from './speculation-drafter.ts';

/** How tokens are shown. */
export interface Vocabulary {
  /** As `TokenLogprob.name`; undefined for an id without a token. */
  tokenOf(id: number): string | undefined;
  /** As `TokenLogprob.bytes`. */
  bytesOf(id: number): Uint8Array | null;
}

/** What all requests of an engine share. */
export interface OutputContext {
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  readonly decode: Decode;
  readonly vocabulary: Vocabulary;
  readonly scratch: SamplerScratch;
  /** Whether tokens are guessed ahead. */
  readonly speculation: boolean;
  /** Placeholder of images, or null. */
  readonly imageTokenId: number | null;
}

export interface TokenOutput {
  readonly sampler: Sampler;
  readonly continuation: Continuation;
  /** What its tokens may be; null if they are free. */
  readonly constraint: Constraint | null;
  /** Log probabilities of the token `id`, chosen from these logits `[vocab]`; null if they are not asked for. */
  readonly score: Score | null;
  /** Collects the log probabilities of the prompt; null if they are not asked for, or of another choice. */
  readonly promptScores: PromptScores | null;
  /** Guesses its next tokens; null if that is not done. */
  readonly drafter: Drafter | null;
}

/** Tokens of a prompt by which the first of its continuation is decoded: enough for the space between words, and for a special token or two. */
const DECODED_BEFORE = 6;

/** Whose tokens are guessed ahead: what may come under a constraint is known only when the token before it is chosen. */
const isSpeculative = (constraint: Constraint | null) => constraint === null;

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
  const { logprobs, promptLogprobs = false } = request.output ?? {};
  const score: Score | null = logprobs === undefined ? null : (logits, id) => scored(logits, id, logprobs, context.vocabulary);
  const before = request.output?.continuesPrompt === true ? Array.from(request.ids.slice(-DECODED_BEFORE)) : [];
  const minTokens = { count: stopping.minTokens ?? 0, endTokenIds };
  return Array.from({ length: request.n }, (_, stream) => {
    const constraint = request.constraints?.[stream] ?? null;
    return {
      score,
      // The prompt is the same for all: the first choice reads it out.
      promptScores: promptLogprobs && stream === 0 && score !== null ? new PromptScores(request.ids, score, decode) : null,
      constraint,
      drafter: context.speculation && isSpeculative(constraint) ? new Drafter(request.ids, context.imageTokenId) : null,
      sampler: createSampler({ params: sampling, seed, stream, promptIds: request.ids, minTokens, scratch }),
      continuation: new Continuation({
        decode,
        before,
        endTokenIds,
        maxTokens,
        stop: stopping.stop,
        minTokens: stopping.minTokens ?? 0,
        includeStop: stopping.includeStop ?? false,
      }),
    };
  });
}

function scored(logits: Float32Array, chosen: number, count: number, vocabulary: Vocabulary): TokenScore {
  const { top, ...choice } = scoreChoice(logits, chosen, count);
  const shown = ({ id, logprob }: ScoredToken): TokenLogprob => ({
    id,
    name: vocabulary.tokenOf(id) ?? '',
    bytes: vocabulary.bytesOf(id),
    logprob,
  });
  return { ...shown(choice), top: top.map(shown) };
}

function requireWithin(vocabSize: number, ids: Iterable<number>, param: string): void {
  for (const id of ids) {
    if (id >= 0 && id < vocabSize) continue;
    throw new RequestError(`${param} has the token id ${id}; the model's ids are from 0 to ${vocabSize - 1}.`, param);
  }
}
