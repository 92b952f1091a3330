/** From a completion body to what the engine is asked, one request for each prompt; pure. */
import type { GenerationRequest, Prompt, RgbImage } from '../../../inference/types.ts';
import { InvalidValue } from '../../../plugins/errors/api-error.ts';
import type { ImageReference } from '../../../plugins/images/normalise.ts';
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
  const choices = prompts.length * (body.n ?? 1);
  if (choices > maxChoices) {
    throw new InvalidValue(
      `${prompts.length} prompts with n = ${body.n ?? 1} are ${choices} choices; at most ${maxChoices} are allowed.`,
      'n',
    );
  }
  if (prompts.length > 1 && (body.images?.length ?? 0) > 0 && prompts.some((prompt) => typeof prompt !== 'string')) {
    throw new InvalidValue('With several prompts as token ids, images cannot be told apart; send one prompt a request.', 'images');
  }
}

/** @param images decoded, in the order of `body.images` */
export function completionRequests(body: CompletionBody, images: readonly RgbImage[], requestId: string): GenerationRequest[] {
  const prompts = promptList(body);
  const shares = imageShares(prompts, images);
  return prompts.map((prompt, index) => ({
    model: body.model,
    prompt: enginePrompt(prompt, shares[index] ?? []),
    n: body.n ?? 1,
    sampling: samplingParams(body),
    stopping: stoppingParams(body, body.max_tokens ?? defaultMaxTokens),
    output: outputParams(body),
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
