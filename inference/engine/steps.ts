/** Carries out what the scheduler decided: one run of the model, and what it means for the sequences in it. */
import { EngineFailure } from '../errors.ts';
import type { Action, Admission } from './action.ts';
import { Breather } from './breather.ts';
import { layOut } from './decode-rows.ts';
import type { ImageCache } from './image-cache.ts';
import { chooseLate } from './late-mask.ts';
import type { ModelRunner } from './model-runner.ts';
import type { Scheduler } from './scheduler.ts';
import type { Sequence } from './sequence.ts';
import type { Speculation } from './speculation.ts';

export interface StepsOptions {
  readonly runner: ModelRunner;
  readonly scheduler: Scheduler<Sequence>;
  /** Null for a model of text only. */
  readonly images: ImageCache | null;
  readonly prefillChunk: number;
  /** Null if nothing is guessed. */
  readonly speculation: Speculation | null;
  /** The model has been asked what comes after all tokens of the sequence; `logits` is `[vocab]`, valid during the call. */
  readonly onLogits: (sequence: Sequence, logits: Float32Array) => void;
  readonly onFailure: (sequence: Sequence, failure: Error) => void;
  /** A sequence that was held may go on. */
  readonly onResume: () => void;
}

export interface StepCounts {
  /** Prompt tokens computed. */
  readonly promptTokens: number;
  /** Prompt tokens that the cache had. */
  readonly cachedTokens: number;
  /** Those of them, and of prompts moved out of the way, that were copied to another slot. */
  readonly copiedTokens: number;
  readonly decodeSteps: number;
  readonly prefillChunks: number;
}

type Of<Kind extends Action<Sequence>['kind']> = Action<Sequence> & { readonly kind: Kind };

export class Steps {
  readonly #options: StepsOptions;
  #promptTokens = 0;
  #cachedTokens = 0;
  #copiedTokens = 0;
  #decodeSteps = 0;
  #prefillChunks = 0;

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  /** Totals since the start. */
  get counts(): StepCounts {
    return {
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      copiedTokens: this.#copiedTokens,
      decodeSteps: this.#decodeSteps,
      prefillChunks: this.#prefillChunks,
    };
  }

  /** The sequence got its slot. */
  begin({ sequence, reused, expected, ahead }: Admission<Sequence>): void {
    sequence.reuse(reused);
    this.#cachedTokens += reused;
    if (ahead !== null) sequence.expect(ahead);
    const { images, prefillChunk } = this.#options;
    if (images !== null) sequence.requestImages(images, prefillChunk, Math.max(expected, sequence.computed));
  }

  /** Failures go to the sequences; never rejects but for a fault of the engine itself. */
  perform(action: Exclude<Action<Sequence>, { kind: 'idle' }>): Promise<void> {
    switch (action.kind) {
      case 'encode':
        return this.#options.images?.encode(action.images) ?? Promise.resolve();
      case 'copy':
        return this.#copy(action);
      case 'prefill':
        return this.#prefill(action);
      case 'decode':
        return this.#decode(action);
    }
  }

  async #copy({ sequence, from, to, start, tokens, ahead }: Of<'copy'>): Promise<void> {
    const { runner, scheduler } = this.#options;
    try {
      await runner.copy({ from, to, start, tokens });
    } catch (cause) {
      if (sequence === null) scheduler.forget(to);
      else this.#fail(sequence, new EngineFailure('A prompt could not be copied within the cache.', { cause }));
      return;
    }
    this.#copiedTokens += tokens;
    if (sequence === null || sequence.ended) return;
    if (ahead) {
      sequence.expect({ from: start, to: start + tokens });
    } else {
      this.#cachedTokens += tokens;
      sequence.reuse(tokens);
    }
    this.#requestImages(sequence);
  }

  async #prefill({ sequence, slot, start, tokens }: Of<'prefill'>): Promise<void> {
    let logits: Float32Array | null;
    try {
      logits = await this.#options.runner.prefill(sequence.chunk(slot, start, tokens));
    } catch (cause) {
      this.#fail(sequence, new EngineFailure('A prefill run failed.', { cause }));
      return;
    }
    this.#prefillChunks++;
    this.#promptTokens += tokens;
    if (logits !== null) await sequence.promptScores?.read(start, tokens, logits);
    if (sequence.ended) return;
    sequence.advance(tokens);
    this.#requestImages(sequence);
    if (sequence.computed < sequence.known) return;
    if (logits === null) this.#fail(sequence, new EngineFailure('The last prefill chunk of a prompt came without logits.'));
    else await this.#choose(sequence, logits.subarray(logits.length - this.#options.runner.spec.decoder.vocabSize));
  }

  async #decode({ firstSlot, rows, tokensPerSlot }: Of<'decode'>): Promise<void> {
    const { runner, speculation, onLogits } = this.#options;
    const { ids, lengths, slots } = layOut(rows, tokensPerSlot);
    const runtimeMs = runner.runtimeMs;
    let logits: Float32Array;
    try {
      logits = await runner.decode({ firstSlot, ids, lengths, rowsPerSlot: tokensPerSlot });
    } catch (cause) {
      const failure = new EngineFailure('A decode run failed.', { cause });
      for (const { sequence } of slots) if (sequence !== null) this.#fail(sequence, failure);
      return;
    }
    this.#decodeSteps++;
    speculation?.ran(ids.length, runner.runtimeMs - runtimeMs);
    const vocab = logits.length / ids.length;
    const breather = new Breather();
    const late: [sequence: Sequence, row: number][] = [];
    const logitsOf = (row: number) => logits.subarray(row * vocab, (row + 1) * vocab);
    for (const { sequence, first, used, guessed } of slots) {
      if (sequence === null) continue;
      let row = first;
      // A row counts if what was fed to it is what the sequence has there after all.
      for (; row < first + used && !sequence.ended && sequence.isNext(ids[row] ?? 0, lengths[row] ?? 0); row++) {
        sequence.advance(1);
        if (sequence.computed < sequence.known) continue;
        if (isKnown(sequence)) onLogits(sequence, logitsOf(row));
        else late.push([sequence, row]);
        await breather.pause();
      }
      speculation?.guessed(guessed, Math.max(0, row - first - (used - guessed)));
    }
    await Promise.all(late.map(([sequence, row]) => this.#choose(sequence, logitsOf(row))));
  }

  async #choose(sequence: Sequence, logits: Float32Array): Promise<void> {
    if (isKnown(sequence)) this.#options.onLogits(sequence, logits);
    else if (sequence.constraint !== null) await chooseLate(sequence, sequence.constraint, logits, this.#options);
  }

  #requestImages(sequence: Sequence): void {
    const { images, prefillChunk } = this.#options;
    if (images !== null) sequence.requestImages(images, prefillChunk);
  }

  #fail(sequence: Sequence, failure: EngineFailure): void {
    this.#options.onFailure(sequence, failure);
  }
}

/** True when it is known what the sequence's next token may be. */
const isKnown = ({ constraint }: Sequence) => constraint === null || constraint.ready;
