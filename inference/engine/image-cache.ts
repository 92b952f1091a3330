/** Features of images by content hash: those kept from before, and those that sequences wait for, each encoded once. */
import { LRUCache } from 'lru-cache';
import { EngineFailure, RequestError } from '../errors.ts';
import type { VisionSpec } from '../models/spec.ts';
import type { ModelRunner } from './model-runner.ts';
import { concatenate, type PromptImage } from './prompt.ts';

/** Who needs an image. Told once for each hash it asked for, unless it withdraws first. */
export interface ImageOwner {
  /** `features`: `[tokensPerImage, hidden]` */
  receive(hash: string, features: Float32Array): void;
  refuse(error: Error): void;
}

interface Job {
  readonly hash: string;
  /** In order of arrival; each brings its own way to the same pixels. */
  readonly owners: Map<ImageOwner, PromptImage>;
  pixels: Float32Array | null;
  encoding: boolean;
}

export interface ImageCacheOptions {
  readonly runner: ModelRunner;
  readonly vision: VisionSpec;
  /** Bytes of features to keep for later requests; 0 keeps none. */
  readonly maxBytes: number;
  /** `ready` has grown. */
  readonly onReady: () => void;
}

export class ImageCache {
  readonly #runner: ModelRunner;
  readonly #vision: VisionSpec;
  readonly #kept: LRUCache<string, Float32Array> | null;
  readonly #onReady: () => void;
  readonly #jobs = new Map<string, Job>();
  #encoded = 0;
  #hits = 0;

  constructor(options: ImageCacheOptions) {
    this.#runner = options.runner;
    this.#vision = options.vision;
    this.#onReady = options.onReady;
    this.#kept =
      options.maxBytes > 0
        ? new LRUCache({ maxSize: options.maxBytes, sizeCalculation: (features) => Math.max(1, features.byteLength) })
        : null;
  }

  /** Images encoded so far, and requests answered without encoding. */
  get counts(): { readonly encoded: number; readonly hits: number } {
    return { encoded: this.#encoded, hits: this.#hits };
  }

  /** Images whose pixels are there and that wait for the encoder. */
  get ready(): number {
    let ready = 0;
    for (const job of this.#jobs.values()) if (isReady(job)) ready++;
    return ready;
  }

  /** Images that somebody waits for, in whatever state. */
  get pending(): number {
    return this.#jobs.size;
  }

  /** True if the features of an image are at hand, or somebody waits for them. */
  has(hash: string): boolean {
    return this.#kept?.has(hash) === true || this.#jobs.has(hash);
  }

  /** @returns the features if they are at hand; else null, and `owner` is told later */
  request(image: PromptImage, owner: ImageOwner): Float32Array | null {
    const kept = this.#kept?.get(image.hash);
    if (kept !== undefined) {
      this.#hits++;
      return kept;
    }
    const running = this.#jobs.get(image.hash);
    if (running !== undefined) {
      if (!running.owners.has(owner)) this.#hits++;
      running.owners.set(owner, image);
      return null;
    }
    const job: Job = { hash: image.hash, owners: new Map([[owner, image]]), pixels: null, encoding: false };
    this.#jobs.set(job.hash, job);
    void this.#load(job);
    return null;
  }

  /** Forgets all that `owner` waits for; images that nobody else wants are not encoded. */
  withdraw(owner: ImageOwner): void {
    for (const job of this.#jobs.values()) {
      if (job.owners.delete(owner) && job.owners.size === 0 && !job.encoding) this.#jobs.delete(job.hash);
    }
  }

  /** Runs the vision encoder over at most `limit` of the ready images. Failures go to the owners; never rejects. */
  async encode(limit: number): Promise<void> {
    const jobs = [...this.#jobs.values()].filter(isReady).slice(0, limit);
    if (jobs.length === 0) return;
    for (const job of jobs) job.encoding = true;
    try {
      const features = await this.#runner.encodeImages(concatenate(jobs.map((job) => job.pixels ?? new Float32Array())), jobs.length);
      const size = features.length / jobs.length;
      this.#encoded += jobs.length;
      for (const [i, job] of jobs.entries()) this.#deliver(job, features.slice(i * size, (i + 1) * size));
    } catch (cause) {
      for (const job of jobs) this.#fail(job, new EngineFailure('The vision encoder failed.', { cause }));
    }
  }

  /** Asks the owners for pixels, one after the other: what keeps one from bringing them must not hurt the others. */
  async #load(job: Job): Promise<void> {
    for (const [owner, image] of job.owners) {
      try {
        const pixels = await image.pixels();
        const expected = 3 * this.#vision.imageHeight * this.#vision.imageWidth;
        if (pixels.length !== expected)
          throw new EngineFailure(`An image has ${pixels.length} values; the vision tower takes ${expected}.`);
        if (this.#jobs.get(job.hash) !== job) return;
        job.pixels = pixels;
        this.#onReady();
        return;
      } catch (error) {
        if (!job.owners.delete(owner)) continue;
        owner.refuse(error instanceof RequestError || error instanceof EngineFailure ? error : unreadable(error));
      }
    }
    if (this.#jobs.get(job.hash) === job) this.#jobs.delete(job.hash);
  }

  #deliver(job: Job, features: Float32Array): void {
    this.#jobs.delete(job.hash);
    this.#kept?.set(job.hash, features);
    for (const owner of job.owners.keys()) owner.receive(job.hash, features);
  }

  #fail(job: Job, error: Error): void {
    this.#jobs.delete(job.hash);
    for (const owner of job.owners.keys()) owner.refuse(error);
  }
}

function isReady(job: Job): boolean {
  return job.pixels !== null && !job.encoding;
}

function unreadable(cause: unknown): EngineFailure {
  return new EngineFailure('The pixels of an image could not be had.', { cause });
}
