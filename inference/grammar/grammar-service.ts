/** Holds answers to grammars: one thread with the grammar engine, started when first needed and replaced when a grammar breaks it. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { EngineFailure, GrammarRefused, ShuttingDown } from '../errors.ts';
import type { GrammarSpec } from '../types.ts';
import { GrammarState, type StateLink } from './grammar-state.ts';
import { type Answer, type Operation, READY, type ThreadData } from './messages.ts';
import { explain } from './reasons.ts';
import { type GrammarSource, grammarSource } from './source.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface GrammarServiceOptions {
  /** An operation that has not ended between two looks, so many milliseconds apart, ends with its thread. Default 2000. */
  readonly patienceMs?: number;
}

const keyOf = ({ type, text }: GrammarSource) => `${type} ${text}`;

export class GrammarService {
  readonly #vocabulary: Vocabulary;
  readonly #patienceMs: number;
  readonly #link: StateLink;
  readonly #states = new Map<number, GrammarState>();
  /** Sources that took a thread down: not tried again. */
  readonly #condemned = new LRUCache<string, true>({ max: 256 });
  readonly #counters = new Int32Array(new SharedArrayBuffer(12));
  #outbox: Operation[] = [];
  #worker: Worker | null = null;
  #started = false;
  #watch: NodeJS.Timeout | null = null;
  #seen = 0;
  #nextId = 1;
  #closed = false;

  constructor(vocabulary: Vocabulary, { patienceMs = 2000 }: GrammarServiceOptions = {}) {
    this.#vocabulary = vocabulary;
    this.#patienceMs = patienceMs;
    this.#link = {
      vocabulary,
      send: (operation) => this.#send(operation),
      add: (state) => {
        const id = this.#nextId++;
        this.#states.set(id, state);
        return id;
      },
      remove: (id) => this.#remove(id),
    };
  }

  /**
   * Compiles a grammar, or finds it compiled.
   * @param param field of the caller that asked for it
   * @returns a state at the beginning of the grammar, ready; the caller closes it
   * @throws GrammarRefused for a grammar that is wrong, too large or beyond the engine; ShuttingDown; the signal's reason
   */
  async open(spec: GrammarSpec, param: string, signal: AbortSignal): Promise<GrammarState> {
    signal.throwIfAborted();
    const source = grammarSource(spec, param);
    if (this.#condemned.has(keyOf(source))) throw new GrammarRefused(TOO_COMPLEX, param);
    if (this.#closed) throw new ShuttingDown();
    const state = new GrammarState({ link: this.#link, source, param });
    try {
      await state.settle();
      signal.throwIfAborted();
      return state;
    } catch (error) {
      state.close();
      throw error;
    }
  }

  /** Ends the thread; states that are still open fail. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#fail(new ShuttingDown());
    await this.#drop()?.terminate();
  }

  /** WebAssembly never gives memory back: a thread that grew large goes when nothing needs it. */
  #remove(id: number): void {
    this.#states.delete(id);
    if (this.#states.size === 0 && Atomics.load(this.#counters, 2) > MAX_IDLE_MIB) void this.#drop()?.terminate();
  }

  #send(operation: Operation): void {
    if (this.#closed) return;
    // All that is sent in one turn of the event loop goes as one message.
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
    this.#outbox.push(operation);
  }

  #flush(): void {
    if (this.#closed || this.#outbox.length === 0) return;
    this.#worker ??= this.#start();
    // The process stays while an answer is awaited, and only then.
    this.#worker.ref();
    this.#worker.postMessage(this.#outbox);
    this.#outbox = [];
    if (this.#started) this.#keepWatch();
  }

  #start(): Worker {
    const { bytes, lengths, endToken, endTokens } = this.#vocabulary;
    const workerData: ThreadData = { vocabulary: { bytes, lengths, endToken, endTokens }, progress: this.#counters.buffer };
    // The same file runs as TypeScript under a loader and as JavaScript once compiled.
    const worker = new Worker(new URL(`./grammar-worker${extname(import.meta.url)}`, import.meta.url), { workerData });
    worker.on('message', (message: Answer | typeof READY) => {
      if (worker !== this.#worker) return;
      if (message === READY) {
        this.#started = true;
        this.#keepWatch();
      } else this.#receive(message);
    });
    worker.on('error', (cause) => this.#lose(worker, cause));
    worker.on('exit', (code) => this.#lose(worker, new Error(`The thread ended with code ${code}.`)));
    return worker;
  }

  #receive(answers: Answer): void {
    for (const { id, error } of answers) {
      const state = this.#states.get(id);
      state?.answer(error === null ? null : new GrammarRefused(explain(error), state.param));
    }
    if (this.#settled) this.#worker?.unref();
  }

  get #settled(): boolean {
    return [...this.#states.values()].every((state) => state.settled);
  }

  /** Looks from time to time whether the thread goes on; only while something waits for it. */
  #keepWatch(): void {
    if (this.#watch !== null) return;
    this.#seen = Atomics.load(this.#counters, 0);
    this.#watch = setTimeout(() => {
      this.#watch = null;
      if (this.#worker === null || this.#settled) return;
      const stuck = Atomics.load(this.#counters, 0) === this.#seen && Atomics.load(this.#counters, 1) !== 0;
      if (stuck) this.#lose(this.#worker, new Error('An operation took too long.'));
      else this.#keepWatch();
    }, this.#patienceMs);
    this.#watch.unref();
  }

  /** Whoever was being served is refused; all others go on with a new thread where they stood. */
  #lose(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker) return;
    const culprit = this.#states.get(Atomics.load(this.#counters, 1));
    void this.#drop()?.terminate();
    if (culprit === undefined) {
      this.#fail(new EngineFailure('The grammar engine failed.', { cause }));
      return;
    }
    this.#condemned.set(keyOf(culprit.source), true);
    culprit.abandon(new GrammarRefused(TOO_COMPLEX, culprit.param));
    for (const state of this.#states.values()) if (!state.failed) this.#send(state.opening());
  }

  #drop(): Worker | null {
    const worker = this.#worker;
    this.#worker = null;
    this.#started = false;
    this.#outbox = [];
    if (this.#watch !== null) clearTimeout(this.#watch);
    this.#watch = null;
    this.#counters.fill(0);
    return worker;
  }

  #fail(error: Error): void {
    for (const state of this.#states.values()) state.abandon(error);
  }
}

/** With 50,000 tokens some 40 MiB are in use. */
const MAX_IDLE_MIB = 256;

const TOO_COMPLEX = 'it is too complex to be held to; make it smaller.';
