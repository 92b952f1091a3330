/** A request under way: its sequences, its stream of events and its times. */
import type { GenerationEvent, OutputParams, SamplingParams, StoppingParams, Usage } from '../types.ts';
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
  /** Requests of different salts share nothing that is kept of prompts and images. */
  readonly salt?: string;
}

/** For each choice any number of `text` and one `finish`, interleaved between choices; last one `done`. */
export type EngineEvent = Exclude<GenerationEvent, { type: 'start' }>;

export class ActiveRequest {
  readonly stream: EventStream<EngineEvent>;
  readonly prompt: EnginePrompt;
  readonly #submittedAt = performance.now();
  #sequences: readonly Sequence[] = [];
  #left = 0;
  #startedAt: number | null = null;
  #spokeAt: number | null = null;
  #unlisten = () => {};

  constructor(stream: EventStream<EngineEvent>, prompt: EnginePrompt) {
    this.stream = stream;
    this.prompt = prompt;
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

  /** A choice got its slot. */
  start(): void {
    this.#startedAt ??= performance.now();
  }

  say(sequence: Sequence, said: Said): void {
    this.#spokeAt ??= performance.now();
    const { choice } = sequence;
    if (said.text !== '' || said.tokenIds.length > 0) this.stream.push({ type: 'text', choice, text: said.text, tokenIds: said.tokenIds });
    if (said.finish === null) return;
    this.stream.push({ type: 'finish', choice, reason: said.finish, completionTokens: sequence.tokens });
    if (--this.#left > 0) return;
    this.stream.push({ type: 'done', usage: this.#usage(), timings: this.#timings() });
    this.stream.end();
    this.#unlisten();
  }

  fail(error: unknown): void {
    this.#unlisten();
    this.stream.fail(error);
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
