/** A thread with the grammar engine: started when first needed, watched while it owes answers, ended when it hangs or grows large. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Answer, Home, Operation, Ready, ThreadData } from './messages.ts';
import type { EngineVocabulary } from './vocabulary.ts';

export interface GrammarThreadOptions {
  readonly vocabulary: EngineVocabulary;
  /** An operation that has not ended between two looks, so many milliseconds apart, ends with its thread. */
  readonly patienceMs: number;
  /** Whether a grammar compiles in fewer milliseconds is worth finding out; 0 if not. */
  readonly quickMs: number;
  readonly onAnswer: (answer: Answer) => void;
  /** The thread is gone with all that it was told; `culprit` is the state that it was serving then, 0 for none. */
  readonly onLost: (culprit: number, cause: unknown) => void;
}

const newCounters = () => new Int32Array(new SharedArrayBuffer(12));

export class GrammarThread implements Home {
  readonly #options: GrammarThreadOptions;
  #counters = newCounters();
  #outbox: Operation[] = [];
  #worker: Worker | null = null;
  /** Answers that are still to come. */
  #owed = 0;
  #module: WebAssembly.Module | null = null;
  #started = false;
  #watch: NodeJS.Timeout | null = null;
  #seen = 0;

  constructor(options: GrammarThreadOptions) {
    this.#options = options;
  }

  /** The engine's code as the thread has compiled it; null before the first answer. */
  get module(): WebAssembly.Module | null {
    return this.#module;
  }

  get memoryMiB(): number {
    return Atomics.load(this.#counters, 2);
  }

  send(operation: Operation): void {
    // All that is sent in one turn of the event loop goes as one message.
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
    this.#outbox.push(operation);
    if (operation.kind !== 'close') this.#owed++;
  }

  /** Ends the thread; what it was told is lost. The next operation starts another one. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.#started = false;
    this.#outbox = [];
    this.#owed = 0;
    if (this.#watch !== null) clearTimeout(this.#watch);
    this.#watch = null;
    // The old thread may write once more into its own.
    this.#counters = newCounters();
    await worker?.terminate();
  }

  #flush(): void {
    // Nobody starts a thread to close what it never had.
    if (this.#outbox.length === 0 || (this.#worker === null && this.#owed === 0)) {
      this.#outbox = [];
      return;
    }
    this.#worker ??= this.#start();
    // The process stays while an answer is awaited, and only then.
    if (this.#owed > 0) this.#worker.ref();
    this.#worker.postMessage(this.#outbox);
    this.#outbox = [];
    if (this.#started) this.#keepWatch();
  }

  #start(): Worker {
    const { vocabulary, quickMs } = this.#options;
    const { bytes, lengths, endToken, endTokens } = vocabulary;
    const workerData: ThreadData = { vocabulary: { bytes, lengths, endToken, endTokens }, quickMs, progress: this.#counters.buffer };
    // The same file runs as TypeScript under a loader and as JavaScript once compiled.
    const worker = new Worker(new URL(`./grammar-worker${extname(import.meta.url)}`, import.meta.url), { workerData });
    worker.on('message', (message: readonly Answer[] | Ready) => {
      if (worker !== this.#worker) return;
      if ('module' in message) {
        this.#module = message.module;
        this.#started = true;
        this.#keepWatch();
      } else this.#receive(message);
    });
    worker.on('error', (cause) => this.#lose(worker, cause));
    worker.on('exit', (code) => this.#lose(worker, new Error(`The thread ended with code ${code}.`)));
    return worker;
  }

  #receive(answers: readonly Answer[]): void {
    this.#owed -= answers.length;
    for (const answer of answers) this.#options.onAnswer(answer);
    if (this.#owed === 0) this.#worker?.unref();
  }

  /** Looks from time to time whether the thread goes on; only while something waits for it. */
  #keepWatch(): void {
    if (this.#watch !== null || this.#owed === 0) return;
    this.#seen = Atomics.load(this.#counters, 0);
    this.#watch = setTimeout(() => {
      this.#watch = null;
      if (this.#worker === null) return;
      const stuck = Atomics.load(this.#counters, 0) === this.#seen && Atomics.load(this.#counters, 1) !== 0;
      if (stuck) this.#lose(this.#worker, new Error('An operation took too long.'));
      else this.#keepWatch();
    }, this.#options.patienceMs);
    this.#watch.unref();
  }

  #lose(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker) return;
    const culprit = Atomics.load(this.#counters, 1);
    void this.stop();
    this.#options.onLost(culprit, cause);
  }
}
