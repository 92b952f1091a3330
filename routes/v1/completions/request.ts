/** From a completion body to what the engine is asked, one request for each prompt; pure. */
import type { GenerationRequest, Prompt, RgbImage } from '../../../inference/types.ts';
import { InvalidValue } from '../../../plugins/errors/api-error.ts';
import type { ImageReference } from '../../../plugins/images/normalise.ts';
import { grammarOf } from '../generation/grammar.ts';
import { outputParams, samplingParams, stoppingParams } from '../generation/request.ts';
import { maxChoices } from '../generation/schema.ts';
import type { CompletionBody } from './schema.ts';

/** OpenAI's default for this endpoint. */
const defaultMaxTokens = 16;
const placeholder = '<image>';

/** The images, each with the field that names it. */
export function imageReferences({ images = [] }: CompletionBody): ImageReference[] {
  return images.map((url, index) => ({ url, param: `images[${index}]` }));
}

/** @throws InvalidValue for combinations that no schema can tell */
export function checkCompletion(body: CompletionBody): void {
  const prompts = promptList(body);
  const { n, written } = choicesOf(body);
  if (written < n) throw new InvalidValue(`'best_of' is ${written}; it must be at least 'n', which is ${n}.`, 'best_of');
  if (written > n && body.stream)
    throw new InvalidValue("The best of several choices cannot be streamed; leave out 'best_of' or 'stream'.", 'best_of');
  const choices = prompts.length * written;
  if (choices > maxChoices) {
    const param = written > n ? 'best_of' : 'n';
    throw new InvalidValue(
      `${prompts.length} prompts with ${param} = ${written} are ${choices} choices; at most ${maxChoices} are allowed.`,
      param,
    );
  }
  if (body.max_tokens === 0 && !body.echo) throw new InvalidValue("'max_tokens' is 0; without 'echo' it must be at least 1.", 'max_tokens');
  if (prompts.length > 1 && (body.images?.length ?? 0) > 0 && prompts.some((prompt) => typeof prompt !== 'string')) {
    throw new InvalidValue('With several prompts as token ids, images cannot be told apart; send one prompt a request.', 'images');
  }
}

/** Choices for each prompt: `n` are sent, the best of those `written`. */
export function choicesOf({ n = 1, best_of = n }: CompletionBody): { readonly n: number; readonly written: number } {
  return { n, written: best_of };
}

/** @param images decoded, in the order of `body.images` */
export function completionRequests(body: CompletionBody, images: readonly RgbImage[], requestId: string): GenerationRequest[] {
  const prompts = promptList(body);
  const { n, written } = choicesOf(body);
  const output = outputParams(body, body.logprobs ?? (written > n ? 0 : undefined));
  const promptLogprobs = body.echo === true && body.logprobs !== undefined;
  const grammar = grammarOf(body);
  const shares = imageShares(prompts, images);
  return prompts.map((prompt, index) => ({
    model: body.model,
    prompt: enginePrompt(prompt, shares[index] ?? []),
    n: written,
    sampling: samplingParams(body),
    // The engine says at least one token; for a prompt alone it is left out of the answer.
    stopping: stoppingParams(body, Math.max(1, body.max_tokens ?? defaultMaxTokens)),
    ...grammar,
    output: { ...output, continuesPrompt: true, ...(promptLogprobs && { promptLogprobs }) },
    ...(body.cache_salt !== undefined && { cacheSalt: body.cache_salt }),
    ...(body.priority !== undefined && { priority: body.priority }),
    requestId: prompts.length === 1 ? requestId : `${requestId}-${index}`,
  }));
}

type SinglePrompt = string | readonly number[];

function promptList({ prompt }: CompletionBody): readonly SinglePrompt[] {
  if (typeof prompt === 'string') return [prompt];
  return prompt.every((item) => typeof item === 'number') ? [prompt] : prompt;
}

/** Each prompt gets as many images as it has placeholders, the last one all that are left, so that no mismatch is lost. */
function imageShares(prompts: readonly SinglePrompt[], images: readonly RgbImage[]): (readonly RgbImage[])[] {
  let taken = 0;
  return prompts.map((prompt, index) => {
    const wanted = typeof prompt === 'string' ? prompt.split(placeholder).length - 1 : images.length;
    const end = index === prompts.length - 1 ? images.length : taken + wanted;
    const share = images.slice(taken, end);
    taken = end;
    return share;
  });
}

function enginePrompt(prompt: SinglePrompt, images: readonly RgbImage[]): Prompt {
  return typeof prompt === 'string' ? { kind: 'text', text: prompt, images } : { kind: 'tokens', ids: prompt, images };
}
