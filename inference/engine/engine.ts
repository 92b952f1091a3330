/** The engine: continuous batching over one model runner. Token ids in, text out; knows nothing of chats, files or HTTP. */
import { randomInt, randomUUID } from 'node:crypto';
import { ContextLengthExceeded, EngineFailure, QueueFull, QueueTimeout, RequestError, ShuttingDown } from '../errors.ts';
import { SamplerScratch } from '../sampling/sampler.ts';
import type { BackendStats } from '../types.ts';
import type { Admission } from './action.ts';
import { Doorbell } from './doorbell.ts';
import { EventStream } from './event-stream.ts';
import { ImageCache } from './image-cache.ts';
import type { ModelRunner } from './model-runner.ts';
import { type EngineOptions, engineDefaults } from './options.ts';
import { EnginePrompt, type PromptImage } from './prompt.ts';
import { ActiveRequest, type EngineEvent, type EngineRequest } from './request.ts';
import { RetryAfter } from './retry-after.ts';
import { Scheduler } from './scheduler.ts';
import { Sequence } from './sequence.ts';
import { Speculation } from './speculation.ts';
import { Steps } from './steps.ts';
import { type OutputContext, tokenOutputs } from './token-output.ts';

/** Images are kept for their salt only: how soon an answer comes must not tell what others look at. */
function salted({ images, salt }: EngineRequest): readonly PromptImage[] {
  return salt === undefined ? images : images.map((image) => ({ hash: saltedHash(image.hash, salt), pixels: () => image.pixels() }));
}

function saltedHash(hash: string, salt: string | undefined): string {
  return salt === undefined ? hash : `${salt}:${hash}`;
}

export class Engine {
  readonly #options: EngineOptions & typeof engineDefaults;
  readonly #runner: ModelRunner;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #images: ImageCache | null;
  readonly #output: OutputContext;
  readonly #steps: Steps;
  /** Null if nothing is guessed. */
  readonly #speculation: Speculation | null;
  readonly #doorbell = new Doorbell();
  readonly #requestOf = new Map<Sequence, ActiveRequest>();
  /** Requests with events that their readers have not been told of. */
  readonly #spoke = new Set<ActiveRequest>();
  readonly #retryAfter = new RetryAfter<Sequence>();
  readonly #loop: Promise<void>;
  #closed: Promise<void> | null = null;
  #broken: EngineFailure | null = null;
  #completionTokens = 0;
  #preemptions = 0;

  constructor(options: EngineOptions) {
    this.#options = { ...engineDefaults, ...options };
    this.#runner = options.runner;
    const { spec } = options.runner;
    const { maxQueue, prefillChunk, leastChunk, imageBatch, prefixCache, runner } = this.#options;
    this.#speculation =
      this.#options.speculation && runner.rowsPerSlot > 1
        ? new Speculation({ rowsPerSlot: runner.rowsPerSlot, rows: runner.verifyRows })
        : null;
    this.#scheduler = new Scheduler({
      slots: options.runner.slots,
      maxQueue,
      prefillChunk,
      ...(leastChunk !== undefined && { leastChunk }),
      imageBatch,
      imageBatchBesideDecode: 1,
      maxGap: 2,
      prefixCache,
      tokensPerSlot: (slots) => this.#speculation?.rowsPerSlot(slots) ?? 1,
    });
    this.#images =
      spec.vision === null
        ? null
        : new ImageCache({
            runner: options.runner,
            vision: spec.vision,
            maxBytes: options.imageCacheBytes,
            onReady: () => this.#doorbell.ring(),
          });
    const { vocabSize } = spec.decoder;
    const { decode, eosTokenIds, vocabulary } = options;
    const scratch = new SamplerScratch(vocabSize);
    const imageTokenId = spec.vision?.imageTokenId ?? null;
    this.#output = { vocabSize, decode, eosTokenIds, vocabulary, scratch, imageTokenId, speculation: this.#speculation !== null };
    this.#steps = new Steps({
      runner: options.runner,
      scheduler: this.#scheduler,
      images: this.#images,
      prefillChunk,
      speculation: this.#speculation,
      onLogits: (sequence, logits) => this.#say(sequence, logits),
      onFailure: (sequence, failure) => this.#failSequence(sequence, failure),
      onResume: () => this.#doorbell.ring(),
    });
    this.#loop = this.#run().catch((cause: unknown) => this.#break(cause));
  }

  /**
   * Queues a request. Reading its events drives nothing, but not reading them pauses it after `maxUnread`: it keeps its
   * slots until the events are read, `signal` aborts or the iteration is left, each of which frees them at the next step.
   * @returns events for one reader; the iteration throws EngineFailure, what an image's `pixels()` threw if it is a
   *   RequestError, QueueTimeout as the first thing, ShuttingDown, or the signal's reason
   * @throws RequestError, ContextLengthExceeded, ImageCountMismatch, QueueFull, ShuttingDown, EngineFailure, or the signal's reason
   */
  submit(request: EngineRequest, signal: AbortSignal): AsyncIterableIterator<EngineEvent> {
    signal.throwIfAborted();
    if (this.#broken !== null) throw this.#broken;
    if (this.#closed !== null) throw new ShuttingDown();
    // Whoever is to hear of every prompt token must have all of them computed: a salt of its own shares with nobody.
    const salt = request.output?.promptLogprobs === true ? randomUUID() : request.salt;
    const prompt = new EnginePrompt(request.ids, salted(request), this.#runner.spec.vision, salt);
    prompt.requireWithin(this.#runner.spec.decoder.vocabSize);
    const maxTokens = this.#maxTokens(prompt.length, request.stopping.maxTokens);
    this.#checkRoom(request.n);
    const outputs = tokenOutputs(request, maxTokens, request.sampling.seed ?? randomInt(2 ** 48 - 1), this.#output);

    const stream = new EventStream<EngineEvent>({
      limit: this.#options.maxUnread,
      onRoom: () => this.#doorbell.ring(),
      onLeave: () => this.#abandon(active, null),
    });
    const active = new ActiveRequest(stream, prompt, request.output?.promptLogprobs);
    const sequences = outputs.map(
      (output, choice) =>
        new Sequence({
          choice,
          priority: request.priority ?? 0,
          prompt,
          ...output,
          isPaused: () => stream.full,
          onImageRefused: (error) => this.#abandon(active, error),
        }),
    );
    active.begin(sequences, signal, () => this.#abandon(active, signal.reason));
    const { queueTimeoutMs } = this.#options;
    if (queueTimeoutMs > 0) active.stopWaiting = this.#options.timer(queueTimeoutMs, () => this.#giveUp(active));
    for (const sequence of sequences) {
      this.#requestOf.set(sequence, active);
      this.#scheduler.enqueue(sequence);
    }
    this.#doorbell.ring();
    return stream;
  }

  /** Why the engine answers nothing any more, or null: a fault of its own, not of a request or a run. */
  get failure(): EngineFailure | null {
    return this.#broken;
  }

  /** True if requests of this salt need no pixels of the image now. */
  holdsImage(hash: string, salt?: string): boolean {
    return this.#images?.has(saltedHash(hash, salt)) ?? false;
  }

  stats(): BackendStats {
    const { encoded, hits } = this.#images?.counts ?? { encoded: 0, hits: 0 };
    return {
      running: this.#scheduler.running,
      waiting: this.#scheduler.waiting,
      slots: this.#runner.slots,
      freeSlots: this.#runner.slots - this.#scheduler.running,
      preemptions: this.#preemptions,
      ...this.#steps.counts,
      ...(this.#speculation?.counts ?? { draftTokens: 0, acceptedTokens: 0 }),
      completionTokens: this.#completionTokens,
      imagesEncoded: encoded,
      imageCacheHits: hits,
      runtimeMs: this.#runner.runtimeMs,
    };
  }

  /**
   * Takes no new work and refuses what still waits; requests that have begun may finish for at most `graceMs`, then fail
   * with ShuttingDown. Resolves when no run is under way and no slot is held. Idempotent; does not close the runner.
   */
  close(graceMs = 0): Promise<void> {
    this.#closed ??= this.#shutDown(graceMs);
    return this.#closed;
  }

  async #shutDown(graceMs: number): Promise<void> {
    for (const request of this.#requests()) if (!request.started) this.#abandon(request, new ShuttingDown());
    const timer = setTimeout(() => {
      for (const request of this.#requests()) this.#abandon(request, new ShuttingDown());
    }, graceMs);
    this.#doorbell.ring();
    await this.#loop;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    while (this.#closed === null || this.#requestOf.size > 0) {
      for (const admission of this.#scheduler.admit()) this.#begin(admission);
      const action = this.#scheduler.next(this.#images?.ready ?? 0);
      const step = action.kind === 'idle' ? this.#doorbell.wait() : this.#steps.perform(action);
      // What the step before said goes out while the runtime computes this one.
      this.#deliver();
      await step;
    }
    this.#deliver();
  }

  #begin(admission: Admission<Sequence>): void {
    if (admission.preempted !== null) this.#preempt(admission.preempted);
    this.#retryAfter.begin(admission.sequence);
    const request = this.#requestOf.get(admission.sequence);
    if (request !== undefined) {
      request.start();
      this.#spoke.add(request);
    }
    this.#steps.begin(admission);
  }

  #preempt(sequence: Sequence): void {
    this.#preemptions++;
    this.#retryAfter.end(sequence);
    this.#images?.withdraw(sequence);
    sequence.preempt();
  }

  #say(sequence: Sequence, logits: Float32Array): void {
    const request = this.#requestOf.get(sequence);
    if (request === undefined) return;
    try {
      if (sequence.tokens === 0 && sequence.promptScores !== null) request.tellPrompt(sequence.promptScores.tokens);
      const said = sequence.sample(logits);
      this.#completionTokens++;
      request.say(sequence, said);
      this.#spoke.add(request);
      if (said.finish !== null) this.#release(sequence);
    } catch (error) {
      this.#abandon(request, error instanceof EngineFailure ? error : new EngineFailure('Choosing a token failed.', { cause: error }));
    }
  }

  #deliver(): void {
    for (const request of this.#spoke) request.stream.flush();
    this.#spoke.clear();
  }

  #failSequence(sequence: Sequence, failure: Error): void {
    const request = this.#requestOf.get(sequence);
    if (request !== undefined) this.#abandon(request, failure);
  }

  /** Ends all of a request's choices; `error` goes to its reader, who may have left. */
  #abandon(request: ActiveRequest, error: unknown): void {
    for (const sequence of request.sequences) this.#release(sequence);
    request.fail(error);
    this.#spoke.delete(request);
  }

  /** The request has waited for as long as one may. */
  #giveUp(request: ActiveRequest): void {
    const { queueTimeoutMs } = this.#options;
    this.#abandon(request, new QueueTimeout(queueTimeoutMs, this.#retryAfter.seconds(this.#scheduler.waiting, this.#runner.slots)));
  }

  #release(sequence: Sequence): void {
    if (!this.#requestOf.delete(sequence)) return;
    sequence.end();
    this.#images?.withdraw(sequence);
    this.#scheduler.remove(sequence);
    this.#retryAfter.end(sequence);
    this.#doorbell.ring();
  }

  #requests(): Set<ActiveRequest> {
    return new Set(this.#requestOf.values());
  }

  #maxTokens(promptLength: number, asked: number | undefined): number {
    if (asked !== undefined && asked < 1) throw new RequestError(`max_tokens is ${asked}; it must be at least 1.`, 'max_tokens');
    const { maxModelLen } = this.#runner;
    if (promptLength + (asked ?? 1) > maxModelLen) throw new ContextLengthExceeded(promptLength, asked ?? 1, maxModelLen);
    return asked ?? maxModelLen - promptLength;
  }

  #checkRoom(n: number): void {
    const most = this.#runner.slots + this.#options.maxQueue;
    if (n < 1 || n > most) throw new RequestError(`n is ${n}; this server takes from 1 to ${most} choices.`, 'n');
    if (n <= this.#scheduler.room) return;
    const { waiting } = this.#scheduler;
    throw new QueueFull(waiting, this.#retryAfter.seconds(waiting + n, this.#runner.slots));
  }

  /** Only a fault of the engine itself comes here: better every request fails loudly than that all hang. */
  #break(cause: unknown): void {
    this.#broken = new EngineFailure('The engine stopped.', { cause });
    for (const request of this.#requests()) this.#abandon(request, this.#broken);
  }
}
