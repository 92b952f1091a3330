/** From the events of one or several prompts to a text completion, or to the chunks of one; pure. */
import type { Usage } from '../../../inference/types.ts';
import type { NumberedEvent } from '../generation/generate-all.ts';
import { type AnswerContext, addUsage, noUsage, usageObject } from '../generation/response.ts';
import type { Completion, CompletionChunk } from './schema.ts';

export interface CompletionOptions {
  /** Prompts of the request. */
  readonly prompts: number;
  /** Choices for each prompt. */
  readonly n: number;
  readonly echo: boolean;
}

/** @throws Error if the events of a prompt end before `done` */
export async function completion(
  events: AsyncIterable<NumberedEvent>,
  { id, created, model, fingerprint }: AnswerContext,
  { prompts, n, echo }: CompletionOptions,
): Promise<Completion> {
  const choices = Array.from({ length: prompts * n }, (_, index): Completion['choices'][number] => ({
    index,
    text: '',
    logprobs: null,
    finish_reason: 'stop',
  }));
  let usage: Usage = noUsage;
  let done = 0;
  for await (const { request, event } of events) {
    const first = request * n;
    if (event.type === 'start' && echo) for (const choice of choices.slice(first, first + n)) choice.text = event.promptText;
    if (event.type === 'done') {
      usage = addUsage(usage, event.usage);
      done += 1;
    }
    if (event.type === 'start' || event.type === 'done') continue;
    const choice = choices[first + event.choice];
    if (choice === undefined) throw new RangeError(`Event for choice ${event.choice} of ${n}`);
    if (event.type === 'text') choice.text += event.text;
    else choice.finish_reason = event.reason;
  }
  if (done !== prompts) throw new Error(`${prompts - done} of ${prompts} prompts ended without their last event`);
  return { id, object: 'text_completion', created, model, system_fingerprint: fingerprint, choices, usage: usageObject(usage) };
}

export async function* completionChunks(
  events: AsyncIterable<NumberedEvent>,
  { id, created, model, fingerprint }: AnswerContext,
  { n, echo, includeUsage }: CompletionOptions & { readonly includeUsage: boolean },
): AsyncGenerator<CompletionChunk> {
  const frame = { id, object: 'text_completion', created, model, system_fingerprint: fingerprint } as const;
  const chunk = (index: number, text: string, finish_reason: 'stop' | 'length' | null = null): CompletionChunk => ({
    ...frame,
    choices: [{ index, text, logprobs: null, finish_reason }],
    ...(includeUsage && { usage: null }),
  });
  let usage: Usage = noUsage;
  for await (const { request, event } of events) {
    const first = request * n;
    switch (event.type) {
      case 'start':
        // Without echo an empty chunk: it sends the head, so that the client knows its request was taken.
        for (let index = first; index < first + n; index += 1) yield chunk(index, echo ? event.promptText : '');
        break;
      case 'text':
        if (event.text !== '') yield chunk(first + event.choice, event.text);
        break;
      case 'finish':
        yield chunk(first + event.choice, '', event.reason);
        break;
      case 'done':
        usage = addUsage(usage, event.usage);
    }
  }
  if (includeUsage) yield { ...frame, choices: [], usage: usageObject(usage) };
}
