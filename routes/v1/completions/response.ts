/** From the events of one or several prompts to a text completion, or to the chunks of one; pure. */
import type { GenerationEvent, Usage } from '../../../inference/types.ts';
import type { NumberedEvent } from '../generation/generate-all.ts';
import { addCompletionLogprobs, type CompletionLogprobs, completionLogprobs } from '../generation/logprobs.ts';
import { type AnswerContext, addUsage, noUsage, usageObject } from '../generation/response.ts';
import { type Candidate, likeliest } from './likeliest.ts';
import type { Completion, CompletionChunk } from './schema.ts';

export interface CompletionOptions {
  /** Prompts of the request. */
  readonly prompts: number;
  /** Choices to send for each prompt. */
  readonly n: number;
  /** Choices that are generated for each prompt, at least `n`. */
  readonly written: number;
  readonly echo: boolean;
  /** Whether log probabilities were asked for. */
  readonly logprobs: boolean;
  /** Nothing is wanted but the prompt: what was generated is left out. */
  readonly promptOnly: boolean;
}

type Choice = Completion['choices'][number];

/** What one event adds to the choices of its prompt. */
interface Piece {
  /** Null for all choices. */
  readonly choice: number | null;
  readonly text: string;
  readonly logprobs: CompletionLogprobs | null;
}

/** The texts of one prompt's choices, piece by piece, with offsets counted from the beginning of what is sent. */
class Pieces {
  readonly #options: CompletionOptions;
  #promptText = '';
  #promptLength = 0;

  constructor(options: CompletionOptions) {
    this.#options = options;
  }

  of(event: GenerationEvent): Piece | null {
    const { echo, logprobs, promptOnly } = this.#options;
    switch (event.type) {
      case 'start':
        if (!echo) return null;
        this.#promptText = event.promptText;
        this.#promptLength = Array.from(event.promptText).length;
        // With log probabilities it goes out together with them.
        return logprobs ? null : { choice: null, text: event.promptText, logprobs: null };
      case 'prompt':
        return { choice: null, text: this.#promptText, logprobs: completionLogprobs(event.logprobs, 0) };
      case 'text': {
        const scores = logprobs && event.logprobs !== undefined ? completionLogprobs(event.logprobs, this.#promptLength) : null;
        return promptOnly || (event.text === '' && scores === null) ? null : { choice: event.choice, text: event.text, logprobs: scores };
      }
      default:
        return null;
    }
  }
}

/** @throws Error if the events of a prompt end before `done` */
export async function completion(
  events: AsyncIterable<NumberedEvent>,
  { id, created, model, fingerprint }: AnswerContext,
  options: CompletionOptions,
): Promise<Completion> {
  const { prompts, n, written } = options;
  const pieces = Array.from({ length: prompts }, () => new Pieces(options));
  const candidates = Array.from({ length: prompts }, () => Array.from({ length: written }, () => emptyCandidate(options.logprobs)));
  let usage: Usage = noUsage;
  let done = 0;
  for await (const { request, event } of events) {
    const own = candidates[request] ?? [];
    const piece = pieces[request]?.of(event);
    if (piece) for (const { choice } of piece.choice === null ? own : own.slice(piece.choice, piece.choice + 1)) append(choice, piece);
    if (event.type === 'finish') finish(own[event.choice], event, options);
    if (event.type !== 'done') continue;
    usage = addUsage(usage, usageOf(event.usage, options));
    done += 1;
  }
  if (done !== prompts) throw new Error(`${prompts - done} of ${prompts} prompts ended without their last event`);
  const choices = candidates.flatMap((own) => likeliest(own, n)).map((choice, index) => ({ ...choice, index }));
  return { id, object: 'text_completion', created, model, system_fingerprint: fingerprint, choices, usage: usageObject(usage) };
}

function emptyCandidate(logprobs: boolean): Candidate<Choice> {
  const choice: Choice = { index: 0, text: '', logprobs: logprobs ? completionLogprobs([], 0) : null, finish_reason: 'stop' };
  return { choice, logprob: 0, tokens: 0 };
}

function append(choice: Choice, { text, logprobs }: Piece): void {
  choice.text += text;
  if (logprobs !== null && choice.logprobs !== null) addCompletionLogprobs(choice.logprobs, logprobs);
}

type Finish = GenerationEvent & { readonly type: 'finish' };

function finish(candidate: Candidate<Choice> | undefined, event: Finish, options: CompletionOptions): void {
  if (candidate === undefined) throw new RangeError(`There is no choice ${event.choice}`);
  candidate.choice.finish_reason = reasonOf(event, options);
  candidate.logprob = event.logprob ?? 0;
  candidate.tokens = event.completionTokens;
}

/** Of a prompt alone the length is reached, whatever the token was that is left out. */
function reasonOf({ reason }: Finish, { promptOnly }: CompletionOptions): Finish['reason'] {
  return promptOnly ? 'length' : reason;
}

function usageOf(usage: Usage, { promptOnly }: CompletionOptions): Usage {
  return promptOnly ? { ...usage, completionTokens: 0 } : usage;
}

export async function* completionChunks(
  events: AsyncIterable<NumberedEvent>,
  { id, created, model, fingerprint }: AnswerContext,
  options: CompletionOptions & { readonly includeUsage: boolean },
): AsyncGenerator<CompletionChunk> {
  const { prompts, n, includeUsage } = options;
  const frame = { id, object: 'text_completion', created, model, system_fingerprint: fingerprint } as const;
  const chunk = (index: number, text: string, rest: Partial<CompletionChunk['choices'][number]> = {}): CompletionChunk => ({
    ...frame,
    choices: [{ index, text, logprobs: null, finish_reason: null, ...rest }],
    ...(includeUsage && { usage: null }),
  });
  const pieces = Array.from({ length: prompts }, () => new Pieces(options));
  let usage: Usage = noUsage;
  for await (const { request, event } of events) {
    const first = request * n;
    let piece = pieces[request]?.of(event) ?? null;
    // At the start at least an empty chunk: it sends the head, so that the client knows its request was taken.
    if (event.type === 'start') piece ??= { choice: null, text: '', logprobs: null };
    if (piece !== null) {
      const { choice, text, logprobs } = piece;
      const [from, end] = choice === null ? [first, first + n] : [first + choice, first + choice + 1];
      for (let index = from; index < end; index += 1) yield chunk(index, text, { logprobs });
    }
    if (event.type === 'finish') yield chunk(first + event.choice, '', { finish_reason: reasonOf(event, options) });
    if (event.type === 'done') usage = addUsage(usage, usageOf(event.usage, options));
  }
  if (includeUsage) yield { ...frame, choices: [], usage: usageObject(usage) };
}
