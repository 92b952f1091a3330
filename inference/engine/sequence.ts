/** One choice on its way through the engine: where it stands in the cache, and what it needs to go on. */
import type { Constraint } from './constraint.ts';
import type { Said } from './continuation.ts';
import type { ImageCache, ImageOwner } from './image-cache.ts';
import type { PrefillChunk } from './model-runner.ts';
import type { EnginePrompt } from './prompt.ts';
import type { PromptKey } from './prompt-key.ts';
import type { PromptScores } from './prompt-scores.ts';
import type { Remnant } from './remnants.ts';
import type { Schedulable } from './scheduler.ts';
import type { Prospect } from './speculation-policy.ts';
import type { TokenOutput } from './token-output.ts';

/** Prompt tokens ahead of the prefill whose images are asked for; bounds the features that a sequence holds on to. */
const CHUNKS_AHEAD = 16;

export interface SequenceOptions extends TokenOutput {
  readonly choice: number;
  /** The lower, the sooner. */
  readonly priority: number;
  readonly prompt: EnginePrompt;
  readonly isPaused: () => boolean;
  readonly onImageRefused: (error: Error) => void;
}

export class Sequence implements Schedulable, ImageOwner {
  readonly choice: number;
  /** Its next token cannot be chosen yet; nothing is computed for it meanwhile. */
  held = false;
  readonly #options: SequenceOptions;
  /** Of each image: `[tokensPerImage, hidden]` from when it is encoded until it is in the cache. */
  readonly #features: (Float32Array | null)[];
  readonly #requested = new Set<number>();
  /** Its own tokens, the prompt's not among them. */
  readonly #chosen: number[] = [];
  #computed = 0;
  #ahead: Pick<Remnant, 'from' | 'to'> | null = null;
  #cached = 0;
  #wasPreempted = false;
  #ended = false;

  constructor(options: SequenceOptions) {
    this.choice = options.choice;
    this.#options = options;
    this.#features = options.prompt.images.map(() => null);
  }

  get key(): PromptKey {
    return this.#options.prompt.key;
  }

  get promptLength(): number {
    return this.#options.prompt.length;
  }

  get priority(): number {
    return this.#options.priority;
  }

  get computed(): number {
    return this.#computed;
  }

  get known(): number {
    return this.promptLength + this.#chosen.length;
  }

  /** Prompt tokens that it did not have to compute. */
  get cached(): number {
    return this.#cached;
  }

  get computable(): number {
    const { prompt } = this.#options;
    let image = prompt.imagesWithin(this.#computed);
    while (this.#features[image]) image++;
    return prompt.lengthBefore(image);
  }

  get paused(): boolean {
    return this.held || this.#options.isPaused();
  }

  /** The first of its own tokens that is not in the cache: the last one, unless it had to give up its slot. */
  get nextToken(): number {
    return this.#chosen[this.#computed - this.promptLength] ?? 0;
  }

  get constraint(): Constraint | null {
    return this.#options.constraint;
  }

  get tokens(): number {
    return this.#options.continuation.tokens;
  }

  /** Where the log probabilities of its prompt are collected, which takes the logits of all of its tokens; null if nobody asked. */
  get promptScores(): PromptScores | null {
    return this.#options.promptScores;
  }

  /** Of its tokens so far together; null if nobody asked. */
  get logprob(): number | null {
    return this.#options.continuation.logprob;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** From here on nothing is computed for it. */
  end(): void {
    this.#ended = true;
    this.#features.fill(null);
    this.#options.constraint?.close();
  }

  /** Asks for the images that the next chunks after `start`, of `prefillChunk` tokens each, will need. */
  requestImages(cache: ImageCache, prefillChunk: number, start = this.#computed): void {
    const { prompt } = this.#options;
    const { images } = prompt;
    const horizon = start + CHUNKS_AHEAD * prefillChunk;
    for (let i = prompt.imagesWithin(start); i < images.length && prompt.lengthBefore(i) < horizon; i++) {
      const image = images[i];
      if (image === undefined || this.#requested.has(i)) continue;
      this.#requested.add(i);
      this.#features[i] = cache.request(image, this);
    }
  }

  receive(hash: string, features: Float32Array): void {
    for (const image of this.#requested) {
      if (this.#options.prompt.images[image]?.hash === hash) this.#features[image] = features;
    }
  }

  refuse(error: Error): void {
    this.#options.onImageRefused(error);
  }

  chunk(slot: number, start: number, tokens: number): PrefillChunk {
    const chunk = this.#options.prompt.chunk(slot, start, tokens, this.#features);
    return this.promptScores === null ? chunk : { ...chunk, everyLogit: true };
  }

  /** Notes that so many more of its prompt's tokens are in the cache, which another prompt had there. */
  reuse(tokens: number): void {
    if (!this.#wasPreempted) this.#cached += tokens;
    this.advance(tokens);
  }

  /** Notes that its own tokens `from … to - 1` of before are in the cache: it goes on behind them once it comes there. */
  expect(ahead: Pick<Remnant, 'from' | 'to'>): void {
    this.#ahead = ahead;
    this.advance(0);
  }

  /** Notes that so many more of its tokens are in the cache. */
  advance(tokens: number): void {
    this.#computed += tokens;
    if (this.#ahead !== null && this.#ahead.from <= this.#computed) {
      this.#computed = Math.max(this.#computed, this.#ahead.to);
      this.#ahead = null;
    }
    this.#features.fill(null, 0, this.#options.prompt.imagesWithin(this.#computed));
  }

  /** Notes that nothing of it is in the cache any more, and forgets what it asked of the images; the caller withdraws that. */
  preempt(): void {
    this.#computed = 0;
    this.#ahead = null;
    this.#wasPreempted = true;
    this.#features.fill(null);
    this.#requested.clear();
  }

  /** Whether its next token to compute is this one, at this position. */
  isNext(token: number, position: number): boolean {
    return this.#computed === position && this.#computed < this.known && this.nextToken === token;
  }

  get prospect(): Prospect {
    const { drafter, continuation } = this.#options;
    const certain = Math.max(0, this.known - this.#computed - 1);
    return { certain, confidence: drafter?.confidence ?? 0, most: certain + (drafter === null ? 0 : continuation.left - 1) };
  }

  /** At most `count` tokens that may follow `nextToken`: first those that are known to, then guesses. */
  ahead(count: number): number[] {
    const { drafter, continuation } = this.#options;
    const next = this.#computed - this.promptLength + 1;
    const known = this.#chosen.slice(next, next + count);
    // Beyond the last token that it may have nothing is computed: there might be no room for it.
    const guesses = Math.min(count - known.length, continuation.left - 1);
    return guesses > 0 && drafter !== null ? [...known, ...drafter.draft(guesses)] : known;
  }

  /** Chooses the next token from the logits `[vocab]` after all tokens before it. */
  sample(logits: Float32Array): Said {
    const { sampler, score, continuation, constraint, drafter } = this.#options;
    // Log probabilities are the model's own, not those among the tokens that may come.
    const choosable = constraint === null || score === null ? logits : logits.slice();
    constraint?.apply(choosable);
    const token = sampler(choosable, continuation.tokens);
    this.#chosen.push(token);
    drafter?.push(token);
    const said = continuation.accept(token, score?.(logits, token));
    if (said.finish === null) constraint?.accept(token);
    return said;
  }
}
