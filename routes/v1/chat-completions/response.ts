/** From generation events to a chat completion, or to the chunks of one; pure. */
import type { GenerationEvent, Usage } from '../../../inference/types.ts';
import { chatLogprobs } from '../generation/logprobs.ts';
import { type AnswerContext, usageObject } from '../generation/response.ts';
import type { ChatCompletion, ChatCompletionChunk } from './schema.ts';

export interface ChoiceOptions {
  readonly n: number;
  /** Whether log probabilities were asked for. */
  readonly logprobs: boolean;
}

/** @throws Error if the events end before `done` */
export async function chatCompletion(
  events: AsyncIterable<GenerationEvent>,
  { id, created, model, fingerprint }: AnswerContext,
  { n, logprobs }: ChoiceOptions,
): Promise<ChatCompletion> {
  const choices = Array.from({ length: n }, (_, index): ChatCompletion['choices'][number] => ({
    index,
    message: { role: 'assistant', content: '', refusal: null },
    logprobs: logprobs ? chatLogprobs([]) : null,
    finish_reason: 'stop',
  }));
  let usage: Usage | undefined;
  for await (const event of events) {
    if (event.type === 'done') usage = event.usage;
    if (event.type !== 'text' && event.type !== 'finish') continue;
    const choice = choices[event.choice];
    if (choice === undefined) throw new RangeError(`Event for choice ${event.choice} of ${n}`);
    if (event.type === 'finish') {
      choice.finish_reason = event.reason;
      continue;
    }
    choice.message.content += event.text;
    if (event.logprobs !== undefined) choice.logprobs?.content.push(...chatLogprobs(event.logprobs).content);
  }
  if (usage === undefined) throw new Error('The generation ended without its last event');
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices,
    usage: usageObject(usage),
    service_tier: 'default',
    system_fingerprint: fingerprint,
  };
}

export interface ChunkOptions {
  readonly n: number;
  /** Adds `usage: null` to every chunk, and one last chunk with the counts. */
  readonly includeUsage: boolean;
}

type ChunkChoice = ChatCompletionChunk['choices'][number];

export async function* chatChunks(
  events: AsyncIterable<GenerationEvent>,
  { id, created, model, fingerprint }: AnswerContext,
  { n, includeUsage }: ChunkOptions,
): AsyncGenerator<ChatCompletionChunk> {
  const frame = { id, object: 'chat.completion.chunk', created, model, service_tier: 'default', system_fingerprint: fingerprint } as const;
  const chunk = (index: number, delta: ChunkChoice['delta'], rest: Partial<ChunkChoice> = {}): ChatCompletionChunk => ({
    ...frame,
    choices: [{ index, delta, logprobs: null, finish_reason: null, ...rest }],
    ...(includeUsage && { usage: null }),
  });
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        for (let index = 0; index < n; index += 1) yield chunk(index, { role: 'assistant', content: '', refusal: null });
        break;
      case 'text':
        if (event.logprobs !== undefined) yield chunk(event.choice, { content: event.text }, { logprobs: chatLogprobs(event.logprobs) });
        else if (event.text !== '') yield chunk(event.choice, { content: event.text });
        break;
      case 'finish':
        yield chunk(event.choice, {}, { finish_reason: event.reason });
        break;
      case 'done':
        if (includeUsage) yield { ...frame, choices: [], usage: usageObject(event.usage) };
    }
  }
}
