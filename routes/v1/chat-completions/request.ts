/** From a chat body to what the engine is asked; pure. */
import type { ChatMessage, ContentPart, GenerationRequest, RgbImage } from '../../../inference/types.ts';
import { ApiError, InvalidValue, UnsupportedParameter } from '../../../plugins/errors/api-error.ts';
import type { ImageReference } from '../../../plugins/images/normalise.ts';
import { grammarOf } from '../generation/grammar.ts';
import { outputParams, samplingParams, stoppingParams } from '../generation/request.ts';
import type { ChatBody } from './schema.ts';
import { checkBesideTools, checkResults, toolCallsOf, toolUseOf } from './tools.ts';

type Message = ChatBody['messages'][number];

type Part = Exclude<Extract<Message, { role: 'user' }>['content'], string>[number];
type ImagePart = Extract<Part, { type: 'image_url' }>;

/**
 * Images of the conversation that are to be fetched, in reading order: all but those that are only named.
 * @throws ApiError for an image with neither URL nor name
 */
export function imageReferences({ messages }: ChatBody): ImageReference[] {
  return messages.flatMap(({ content }, message) => {
    if (content === undefined || typeof content === 'string') return [];
    return content.flatMap((part, index) => {
      if (part.type === 'text' || isNamed(part)) return [];
      const param = `messages[${message}].content[${index}].image_url`;
      if (typeof part.image_url === 'string') return [{ url: part.image_url, param }];
      if (part.image_url === undefined) throw missing(param);
      if (part.image_url.url === undefined) throw missing(`${param}.url`);
      return [{ url: part.image_url.url, param: `${param}.url` }];
    });
  });
}

function isNamed({ image_url, uuid }: ImagePart): boolean {
  const url = typeof image_url === 'string' ? image_url : image_url?.url;
  return uuid !== undefined && (url === undefined || url === '');
}

function missing(param: string): ApiError {
  return new ApiError(`Missing required parameter: '${param}'.`, { status: 400, code: 'missing_required_parameter', param });
}

/** @throws UnsupportedParameter, ApiError for combinations that no schema can tell */
export function checkChat(body: ChatBody): void {
  const { max_tokens, max_completion_tokens } = body;
  if (max_tokens !== undefined && max_completion_tokens !== undefined && max_tokens !== max_completion_tokens) {
    throw new InvalidValue("'max_tokens' and 'max_completion_tokens' ask for different limits; send only one of them.", 'max_tokens');
  }
  if ((body.top_logprobs ?? 0) > 0 && body.logprobs !== true) {
    throw new InvalidValue("The 'top_logprobs' parameter is only allowed when 'logprobs' is true.", 'top_logprobs');
  }
  body.messages.forEach(checkMessage);
  checkResults(body.messages);
}

const formerFields = [
  ['function_call', "Send 'tool_calls' instead."],
  ['audio', 'Leave it out.'],
] as const;

function checkMessage(message: Message, index: number): void {
  if (message.role !== 'assistant') return;
  for (const [field, accepted] of formerFields) {
    const value = (message as Readonly<Record<string, unknown>>)[field];
    if (value !== undefined) throw new UnsupportedParameter(`messages[${index}].${field}`, accepted);
  }
  if (message.content === undefined && toolCallsOf(message).length === 0) {
    throw missing(`messages[${index}].content`);
  }
}

/**
 * @param images decoded, one for each of {@link imageReferences}, in that order
 * @throws ApiError for functions, or forms of the answer, that cannot be as asked
 */
export function chatRequest(body: ChatBody, images: readonly RgbImage[], requestId: string): GenerationRequest {
  const remaining = images.values();
  const tools = toolUseOf(body);
  if (tools !== undefined) checkBesideTools(body, tools);
  return {
    model: body.model,
    prompt: {
      kind: 'chat',
      messages: body.messages.map((message) => chatMessage(message, remaining)),
      addGenerationPrompt: body.add_generation_prompt ?? true,
      ...(tools !== undefined && { tools }),
    },
    n: body.n ?? 1,
    sampling: samplingParams(body),
    stopping: stoppingParams(body, body.max_completion_tokens ?? body.max_tokens),
    ...grammarOf(body),
    output: outputParams(body, body.logprobs ? (body.top_logprobs ?? 0) : undefined),
    ...(body.cache_salt !== undefined && { cacheSalt: body.cache_salt }),
    ...(body.priority !== undefined && { priority: body.priority }),
    requestId,
  };
}

function chatMessage(message: Message, images: Iterator<RgbImage>): ChatMessage {
  const { role, content = [] } = message;
  const parts = typeof content === 'string' ? [{ type: 'text', text: content } as const] : content;
  const calls = role === 'assistant' ? toolCallsOf(message) : [];
  return {
    role: role === 'developer' ? 'system' : role,
    content: parts.map((part) => (part.type === 'text' ? { type: 'text', text: part.text } : imageContent(part, images))),
    ...(role !== 'tool' && message.name !== undefined && { name: message.name }),
    ...(calls.length > 0 && { toolCalls: calls }),
    ...(role === 'tool' && { toolCallId: message.tool_call_id }),
  };
}

function imageContent(part: ImagePart, images: Iterator<RgbImage>): ContentPart {
  const { uuid } = part;
  if (uuid !== undefined && isNamed(part)) return { type: 'image', image: { uuid } };
  const next = images.next();
  if (next.done) throw new RangeError('Fewer images than image parts');
  return { type: 'image', image: uuid === undefined ? next.value : { ...next.value, uuid } };
}
