/** A request under way: its sequences, its stream of events and its times. */
import type { GenerationEvent, OutputParams, PromptTokenLogprobs, SamplingParams, StoppingParams, Usage } from '../types.ts';
import type { Constraint } from './constraint.ts';
import type { Said } from './continuation.ts';
import type { EventStream } from './event-stream.ts';
import type { EnginePrompt, PromptImage } from './prompt.ts';
import type { Sequence } from './sequence.ts';

export interface EngineRequest {
  /** Token ids; each image is a run of `tokensPerImage` placeholder ids. */
  readonly ids: readonly number[] | Int32Array;
  /** In the order of their placeholders. */
  readonly images: readonly PromptImage[];
  /** Choices, each a sequence of its own with the random stream of its number. */
  readonly n: number;
  readonly sampling: SamplingParams;
  readonly stopping: StoppingParams;
  readonly output?: OutputParams;
  /** One for each choice, at its beginning and ready; the engine closes them when the choices end. */
  readonly constraints?: readonly Constraint[];
  /** Requests of different salts share nothing that is kept of prompts and images. */
  readonly salt?: string;
  /** The lower, the sooner; default 0. */
  readonly priority?: number;
}

/**
 * First `begin`, when a choice gets a slot: what is refused is refused before. Then `prompt`, if asked for; for each choice any
 * number of `text` and one `finish`, interleaved between choices; last one `done`.
 */
export type EngineEvent = { readonly type: 'begin' } | Exclude<GenerationEvent, { type: 'start' }>;

export class ActiveRequest {
  readonly stream: EventStream<EngineEvent>;
  readonly prompt: EnginePrompt;
  readonly #submittedAt = performance.now();
  #sequences: readonly Sequence[] = [];
  #left = 0;
  #startedAt: number | null = null;
  #spokeAt: number | null = null;
  /** What is not to be told before the prompt's log probabilities; null when these are out, or not asked for. */
  #held: EngineEvent[] | null;
  #unlisten = () => {};
  #stopWaiting = () => {};

  /** @param promptFirst whether `tellPrompt` will come, and is to be told before all else */
  constructor(stream: EventStream<EngineEvent>, prompt: EnginePrompt, promptFirst = false) {
    this.stream = stream;
    this.prompt = prompt;
    this.#held = promptFirst ? [] : null;
  }

  get sequences(): readonly Sequence[] {
    return this.#sequences;
  }

  /** True once a choice has a slot. */
  get started(): boolean {
    return this.#startedAt !== null;
  }

  begin(sequences: readonly Sequence[], signal: AbortSignal, onAbort: () => void): void {
    this.#sequences = sequences;
    this.#left = sequences.length;
    signal.addEventListener('abort', onAbort, { once: true });
    this.#unlisten = () => signal.removeEventListener('abort', onAbort);
  }

  /** What stops the timer that would refuse the request if it were to wait too long. */
  set stopWaiting(stop: () => void) {
    this.#stopWaiting = stop;
  }

  /** A choice got its slot. */
  start(): void {
    if (this.#startedAt !== null) return;
    this.#startedAt = performance.now();
    this.#stopWaiting();
    this.stream.push({ type: 'begin' });
  }

  tellPrompt(logprobs: readonly PromptTokenLogprobs[]): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const event of [{ type: 'prompt', logprobs } as const, ...held]) this.#push(event);
  }

  say(sequence: Sequence, said: Said): void {
    this.#spokeAt ??= performance.now();
    const { choice } = sequence;
    const { text, tokenIds, logprobs, finish } = said;
    if (text !== '' || tokenIds.length > 0) {
      this.#push({ type: 'text', choice, text, tokenIds, ...(logprobs !== null && { logprobs }) });
    }
    if (finish === null) return;
    const { tokens, logprob } = sequence;
    this.#push({ type: 'finish', choice, reason: finish, completionTokens: tokens, ...(logprob !== null && { logprob }) });
    if (--this.#left > 0) return;
    this.#push({ type: 'done', usage: this.#usage(), timings: this.#timings() });
    this.stream.end();
    this.#unlisten();
  }

  fail(error: unknown): void {
    this.#unlisten();
    this.#stopWaiting();
    this.stream.fail(error);
  }

  #push(event: EngineEvent): void {
    if (this.#held === null) this.stream.push(event);
    else this.#held.push(event);
  }

  #usage(): Usage {
    return {
      promptTokens: this.prompt.length,
      completionTokens: this.#sequences.reduce((sum, sequence) => sum + sequence.tokens, 0),
      imageTokens: this.prompt.imageTokens,
      cachedTokens: Math.min(...this.#sequences.map((sequence) => sequence.cached)),
    };
  }

  #timings() {
    const now = performance.now();
    const startedAt = this.#startedAt ?? now;
    const spokeAt = this.#spokeAt ?? now;
    return { queueMs: startedAt - this.#submittedAt, prefillMs: spokeAt - startedAt, decodeMs: now - spokeAt };
  }
}
