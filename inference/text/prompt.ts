/** From what a caller asks the model to continue to the token ids and pictures that the engine runs. */
import { ContextLengthExceeded, ImageCountMismatch, ImagesNotSupported, RequestError } from '../errors.ts';
import type { VisionSpec } from '../models/spec.ts';
import type { ContentPart, ImageInput, Prompt } from '../types.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface BuiltPrompt {
  /** Each image placeholder grown to `tokensPerImage` ids. */
  readonly ids: Int32Array;
  /** In the order of their placeholders. */
  readonly images: readonly ImageInput[];
  /** The prompt as text, placeholders not grown. */
  readonly promptText: string;
  readonly imageTokens: number;
}

/** What a prompt has to fit into. */
export interface Room {
  /** Tokens of prompt and answer together. */
  readonly maxModelLen: number;
  /** Tokens asked for; 1 if nothing is said. */
  readonly maxTokens?: number | undefined;
}

/**
 * Renders, encodes and checks a prompt.
 *
 * The tokeniser's own tokens (`<s>`) are put in front as transformers' processors do: not if the text begins with `<s>`
 * already, and not for a text model's own chat template, which is expected to write them.
 * @param room a text that cannot fit in there, however it is encoded, is refused before the work is done
 * @throws ImagesNotSupported, ImageCountMismatch, ChatTemplateRefused, ContextLengthExceeded, RequestError
 */
export function buildPrompt(
  prompt: Prompt,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  vision: VisionSpec | null,
  model: string,
  room: Room = { maxModelLen: Number.POSITIVE_INFINITY },
): BuiltPrompt {
  const built = build(prompt, tokenizer, template, vision, model, room);
  const { maxModelLen, maxTokens = 1 } = room;
  if (built.ids.length + maxTokens > maxModelLen) {
    throw new ContextLengthExceeded(built.ids.length, maxTokens, maxModelLen, { param: paramOf(prompt) });
  }
  return built;
}

function build(
  prompt: Prompt,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  vision: VisionSpec | null,
  model: string,
  room: Room,
): BuiltPrompt {
  requireMayFit(lengthOf(prompt), tokenizer, room, prompt);
  const images = imagesOf(prompt);
  if (images.length > 0 && vision === null) throw new ImagesNotSupported(model);
  const { ids, text } = encodePrompt(prompt, tokenizer, template, vision, room);
  if (ids.length === 0) throw new RequestError('The prompt is empty; it must have at least one token.', 'prompt');
  if (vision === null) return { ids: Int32Array.from(ids), images, promptText: text, imageTokens: 0 };

  const placeholders = ids.reduce((count, id) => count + (id === vision.imageTokenId ? 1 : 0), 0);
  if (placeholders !== images.length) throw new ImageCountMismatch(placeholders, images.length);
  const imageTokens = placeholders * vision.tokensPerImage;
  const grown = new Int32Array(ids.length - placeholders + imageTokens);
  let length = 0;
  for (const id of ids) {
    const copies = id === vision.imageTokenId ? vision.tokensPerImage : 1;
    grown.fill(id, length, length + copies);
    length += copies;
  }
  return { ids: grown, images, promptText: text, imageTokens };
}

function requireMayFit(characters: number, { maxTokenLength }: Tokenizer, { maxModelLen, maxTokens = 1 }: Room, prompt: Prompt): void {
  const leastTokens = Math.ceil(characters / maxTokenLength);
  if (leastTokens <= maxModelLen) return;
  throw new ContextLengthExceeded(leastTokens, maxTokens, maxModelLen, { param: paramOf(prompt), atLeast: true });
}

/** Where the caller wrote it. */
const paramOf = ({ kind }: Prompt) => (kind === 'chat' ? 'messages' : 'prompt');

/** Characters that the caller wrote. */
function lengthOf(prompt: Prompt): number {
  if (prompt.kind === 'tokens') return 0;
  if (prompt.kind === 'text') return prompt.text.length;
  const parts = prompt.messages.flatMap((message) => [...message.content]);
  return parts.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : 0), 0);
}

function imagesOf(prompt: Prompt): readonly ImageInput[] {
  if (prompt.kind !== 'chat') return prompt.images;
  const parts: ContentPart[] = prompt.messages.flatMap((message) => [...message.content]);
  return parts.flatMap((part) => (part.type === 'image' ? [part.image] : []));
}

function encodePrompt(
  prompt: Prompt,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  vision: VisionSpec | null,
  room: Room,
): { ids: readonly number[]; text: string } {
  const beginsWithBos = (text: string) => tokenizer.bosToken !== null && text.startsWith(tokenizer.bosToken);
  switch (prompt.kind) {
    case 'chat': {
      const { text, guarded, restore } = template.render(prompt.messages, prompt.addGenerationPrompt, prompt.tools?.functions);
      // Functions and calls are not counted in what was sent.
      requireMayFit(text.length, tokenizer, room, prompt);
      const addSpecial = (vision !== null || !template.own) && !beginsWithBos(guarded);
      return { ids: tokenizer.encode(guarded, { special: true, addSpecial, restore }), text };
    }
    case 'text':
      return { ids: tokenizer.encode(prompt.text, { special: true, addSpecial: !beginsWithBos(prompt.text) }), text: prompt.text };
    case 'tokens': {
      const wrong = prompt.ids.find((id) => !Number.isInteger(id) || id < 0 || id >= tokenizer.vocabSize);
      if (wrong !== undefined) {
        throw new RequestError(`The prompt has the token id ${wrong}; ids are integers from 0 to ${tokenizer.vocabSize - 1}.`, 'prompt');
      }
      return { ids: prompt.ids, text: tokenizer.decode(prompt.ids, { skipSpecial: false }) };
    }
  }
}
