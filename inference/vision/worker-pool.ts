/** A few worker threads with a queue in front: each picture goes to the first idle one, first come first served. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EngineFailure, ShuttingDown } from '../errors.ts';
import type { ImagePlan } from './processor-config.ts';
import type { Pixels } from './resize.ts';
import { SharedPixels } from './shared-pixels.ts';
import type { PixelJob, PixelResult } from './worker.ts';

interface Pending {
  readonly image: Pixels;
  readonly plan: ImagePlan;
  resolve(values: Float32Array): void;
  reject(error: Error): void;
}

export class WorkerPool {
  readonly #size: number;
  readonly #workers = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #memory = new WeakMap<Worker, SharedPixels>();
  readonly #running = new Map<Worker, Pending>();
  readonly #queue: Pending[] = [];
  #closed = false;

  /** Threads are started when first needed, at most `size`; an idle one does not keep the process alive. */
  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Reads `image` when a thread is free, and leaves it as it is.
   * @returns `[3, height, width]` of what `plan` makes
   * @throws EngineFailure if the picture or its thread fails; ShuttingDown once the pool is closed
   */
  run(image: Pixels, plan: ImagePlan): Promise<Float32Array> {
    if (this.#closed) return Promise.reject(new ShuttingDown());
    return new Promise((resolve, reject) => {
      this.#queue.push({ image, plan, resolve, reject });
      // Not in the caller's turn: the engine is about to start a run, beside which the copy costs nothing.
      setImmediate(() => this.#dispatch());
    });
  }

  /** Rejects what waits or runs, and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    const abandoned = [...this.#queue.splice(0), ...this.#running.values()];
    this.#running.clear();
    for (const pending of abandoned) pending.reject(new ShuttingDown());
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && !this.#closed) {
      const worker = this.#idle.pop() ?? (this.#workers.size < this.#size ? this.#start() : undefined);
      if (worker === undefined) return;
      const pending = this.#queue.shift();
      if (pending === undefined) return;
      this.#running.set(worker, pending);
      worker.ref();
      this.#send(worker, pending).catch((cause: unknown) => {
        this.#free(worker)?.reject(new EngineFailure('a picture could not be given to a thread', { cause }));
        this.#dispatch();
      });
    }
  }

  async #send(worker: Worker, { image, plan }: Pending): Promise<void> {
    const { width, height } = image;
    const memory = this.#memory.get(worker) ?? new SharedPixels();
    this.#memory.set(worker, memory);
    const data = await memory.hold(image.data);
    worker.postMessage({ width, height, data, plan } satisfies PixelJob);
  }

  /** The thread takes the next picture. @returns what it had, or undefined if it was lost or closed meanwhile */
  #free(worker: Worker): Pending | undefined {
    const pending = this.#running.get(worker);
    if (!this.#running.delete(worker)) return undefined;
    worker.unref();
    this.#idle.push(worker);
    return pending;
  }

  #start(): Worker {
    // The same file runs as TypeScript under a loader and as JavaScript once compiled.
    const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));
    this.#workers.add(worker);
    worker.on('message', (result: PixelResult) => {
      const pending = this.#free(worker);
      if ('error' in result) pending?.reject(new EngineFailure(`preparing a picture failed: ${result.error}`));
      else pending?.resolve(result.values);
      this.#dispatch();
    });
    const lose = (reason: string) => {
      this.#workers.delete(worker);
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#running.get(worker)?.reject(new EngineFailure(`the thread that prepared a picture ${reason}`));
      this.#running.delete(worker);
      if (!this.#closed) this.#dispatch();
    };
    worker.on('error', (error) => lose(`failed: ${error.message}`));
    worker.on('exit', (code) => lose(`ended with code ${code}`));
    return worker;
  }
}
