/** From generation events to a chat completion, or to the chunks of one; pure but for the ids of calls. */
import { randomUUID } from 'node:crypto';
import type { GenerationEvent, Usage } from '../../../inference/types.ts';
import { chatLogprobs } from '../generation/logprobs.ts';
import { type AnswerContext, usageObject } from '../generation/response.ts';
import type { ChatCompletion, ChatCompletionChunk } from './schema.ts';

export interface ChoiceOptions {
  readonly n: number;
  /** Whether log probabilities were asked for. */
  readonly logprobs: boolean;
}

type Choice = ChatCompletion['choices'][number];
type ChoiceEvent = Extract<GenerationEvent, { readonly choice: number }>;
type Finish = Extract<GenerationEvent, { readonly type: 'finish' }>;

/** @throws Error if the events end before `done` */
export async function chatCompletion(
  events: AsyncIterable<GenerationEvent>,
  { id, created, model, fingerprint }: AnswerContext,
  { n, logprobs }: ChoiceOptions,
): Promise<ChatCompletion> {
  const choices = Array.from(
    { length: n },
    (_, index): Choice => ({
      index,
      message: { role: 'assistant', content: '', refusal: null },
      logprobs: logprobs ? chatLogprobs([]) : null,
      finish_reason: 'stop',
    }),
  );
  let usage: Usage | undefined;
  for await (const event of events) {
    if (event.type === 'done') usage = event.usage;
    if (!('choice' in event)) continue;
    const choice = choices[event.choice];
    if (choice === undefined) throw new RangeError(`Event for choice ${event.choice} of ${n}`);
    add(choice, event);
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

function add(choice: Choice, event: ChoiceEvent): void {
  const { message } = choice;
  switch (event.type) {
    case 'text':
      message.content += event.text;
      if (event.logprobs !== undefined) choice.logprobs?.content.push(...chatLogprobs(event.logprobs).content);
      break;
    case 'call':
      message.tool_calls ??= [];
      message.tool_calls.push({ id: newCallId(), type: 'function', function: { name: event.name, arguments: '' } });
      break;
    case 'arguments': {
      const call = message.tool_calls?.[event.index];
      if (call !== undefined) call.function.arguments += event.text;
      break;
    }
    case 'finish':
      choice.finish_reason = finishReason(event, message.tool_calls !== undefined);
      if (message.content === '' && message.tool_calls !== undefined) message.content = null;
  }
}

/** Unique, and of the form of OpenAI's. */
function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
}

/** An answer with calls that was not cut short, also not by a stop string within one, ended to have them carried out. */
function finishReason({ reason, brokenOff }: Finish, called: boolean): Choice['finish_reason'] {
  return called && reason === 'stop' && brokenOff !== true ? 'tool_calls' : reason;
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
  const called = new Set<number>();
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        for (let index = 0; index < n; index += 1) yield chunk(index, { role: 'assistant', content: '', refusal: null });
        break;
      case 'text':
        if (event.logprobs !== undefined) yield chunk(event.choice, { content: event.text }, { logprobs: chatLogprobs(event.logprobs) });
        else if (event.text !== '') yield chunk(event.choice, { content: event.text });
        break;
      case 'call': {
        const { choice, index, name } = event;
        called.add(choice);
        yield chunk(choice, { tool_calls: [{ index, id: newCallId(), type: 'function', function: { name, arguments: '' } }] });
        break;
      }
      case 'arguments':
        yield chunk(event.choice, { tool_calls: [{ index: event.index, function: { arguments: event.text } }] });
        break;
      case 'finish':
        yield chunk(event.choice, {}, { finish_reason: finishReason(event, called.has(event.choice)) });
        break;
      case 'done':
        if (includeUsage) yield { ...frame, choices: [], usage: usageObject(event.usage) };
    }
  }
}
