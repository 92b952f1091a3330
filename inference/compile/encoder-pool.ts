/** Encodes rows off the event loop: by worker threads when there is much to do, else in place. */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { encodeRows } from './row-encoder.ts';
import type { RowEncoding } from './row-job.ts';
import type { SourceType } from './safetensors.ts';

export interface EncodeRequest {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly dtype: SourceType;
  readonly columns: number;
  readonly encoding: RowEncoding;
}

export interface EncodeReply {
  readonly id: number;
  readonly parts: Uint8Array<ArrayBuffer>[];
}

interface Waiting {
  readonly resolve: (parts: Uint8Array<ArrayBuffer>[]) => void;
  readonly reject: (error: Error) => void;
}

/** Below this many source bytes, starting threads takes longer than they save. */
const WORTH_THREADS = 48 * 2 ** 20;
const MOST_THREADS = 8;

export class EncoderPool {
  readonly #workers: Worker[];
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #broken: Error | null = null;

  /** @param sourceBytes how much there is to encode in all */
  constructor(sourceBytes: number) {
    const threads = sourceBytes < WORTH_THREADS ? 0 : Math.min(availableParallelism(), MOST_THREADS);
    const url = new URL(`./encoder-worker${extname(import.meta.url)}`, import.meta.url);
    this.#workers = Array.from({ length: threads }, () => {
      const worker = new Worker(url);
      worker.on('message', ({ id, parts }: EncodeReply) => {
        this.#waiting.get(id)?.resolve(parts);
        this.#waiting.delete(id);
      });
      worker.on('error', (error) => this.#fail(error));
      return worker;
    });
  }

  /** Requests that keep every thread busy. */
  get concurrency(): number {
    return Math.max(1, this.#workers.length * 2);
  }

  /** Takes the memory of `bytes` over. Resolves to the parts that `encodeRows` gives. */
  encode(bytes: Uint8Array<ArrayBuffer>, dtype: SourceType, columns: number, encoding: RowEncoding): Promise<Uint8Array<ArrayBuffer>[]> {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = this.#next++;
    const worker = this.#workers[id % this.#workers.length];
    if (!worker) return Promise.resolve(encodeRows(bytes, dtype, columns, encoding));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const request: EncodeRequest = { id, bytes, dtype, columns, encoding };
      worker.postMessage(request, [bytes.buffer]);
    });
  }

  async close(): Promise<void> {
    this.#fail(new Error('the encoder pool was closed'));
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
