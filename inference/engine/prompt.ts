/** A prompt as the runner takes it: token ids in which each image is a run of placeholders, and which feature row each of them is. */
import { ImageCountMismatch, RequestError } from '../errors.ts';
import type { VisionSpec } from '../models/spec.ts';
import type { PrefillChunk } from './model-runner.ts';
import type { PromptKey } from './prompt-key.ts';

export interface PromptImage {
  /** Content hash: equal hashes are encoded once. */
  readonly hash: string;
  /** `[3, height, width]`, as the vision tower takes them; called only if no features are at hand. */
  pixels(): Float32Array | Promise<Float32Array>;
}

export class EnginePrompt {
  readonly ids: Int32Array;
  readonly images: readonly PromptImage[];
  readonly key: PromptKey;
  readonly #tokensPerImage: number;
  /** For each id, the row among the features of all images in order, or -1. */
  readonly #rows: Int32Array | null;
  /** Position of each image's first placeholder, and after them the prompt's length. */
  readonly #firstOf: readonly number[];
  /** Position of each image's last placeholder. */
  readonly #lastOf: readonly number[];

  /**
   * @param ids each image as `tokensPerImage` placeholders
   * @param salt prompts of different salts share nothing of the cache
   * @throws RequestError for an empty prompt; ImageCountMismatch
   */
  constructor(ids: readonly number[] | Int32Array, images: readonly PromptImage[], vision: VisionSpec | null, salt = '') {
    if (ids.length === 0) throw new RequestError('The prompt is empty; it must have at least one token.', 'prompt');
    this.ids = Int32Array.from(ids);
    this.images = images;
    this.#tokensPerImage = vision?.tokensPerImage ?? 1;
    const rows = new Int32Array(ids.length).fill(-1);
    const firstOf: number[] = [];
    const lastOf: number[] = [];
    let row = 0;
    if (vision !== null) {
      for (const [position, id] of this.ids.entries()) {
        if (id !== vision.imageTokenId) continue;
        if (row % vision.tokensPerImage === 0) firstOf.push(position);
        if (row % vision.tokensPerImage === vision.tokensPerImage - 1) lastOf.push(position);
        rows[position] = row++;
      }
    }
    if (row !== images.length * this.#tokensPerImage) {
      throw new ImageCountMismatch(Math.ceil(row / this.#tokensPerImage), images.length);
    }
    this.#rows = vision === null ? null : rows;
    this.#firstOf = [...firstOf, ids.length];
    this.#lastOf = lastOf;
    this.key = { salt, ids: this.ids, images: images.map(({ hash }, image) => ({ hash, firstToken: this.lengthBefore(image) })) };
  }

  get length(): number {
    return this.ids.length;
  }

  /** @throws RequestError for a token that the model has no embedding for: some tokenisers know more tokens than their model. */
  requireWithin(vocabSize: number): void {
    const outside = this.ids.find((id) => id < 0 || id >= vocabSize);
    if (outside === undefined) return;
    throw new RequestError(`The prompt has the token id ${outside}; the model's ids are from 0 to ${vocabSize - 1}.`, 'prompt');
  }

  /** Placeholders in the prompt. */
  get imageTokens(): number {
    return this.images.length * this.#tokensPerImage;
  }

  /** Tokens before the first image from `image` on; all of them when there is none. */
  lengthBefore(image: number): number {
    return this.#firstOf[image] ?? this.length;
  }

  /** Images whose last placeholder is before `position`. */
  imagesWithin(position: number): number {
    let image = 0;
    while ((this.#lastOf[image] ?? Number.POSITIVE_INFINITY) < position) image++;
    return image;
  }

  /** @param features of each image, `[tokensPerImage, hidden]`; those of images in the chunk must be there */
  chunk(slot: number, start: number, tokens: number, features: readonly (Float32Array | null)[]): PrefillChunk {
    const end = start + tokens;
    const ids = this.ids.slice(start, end);
    const wantLogits = end === this.length;
    const first = this.imagesWithin(start);
    const used: Float32Array[] = [];
    for (let image = first; this.lengthBefore(image) < end; image++) {
      const rows = features[image];
      if (rows === null || rows === undefined) throw new Error(`Image ${image} of a prompt was scheduled before it was encoded.`);
      used.push(rows);
    }
    if (this.#rows === null || used.length === 0) {
      return { slot, start, ids, imageIndex: null, imageFeatures: null, wantLogits };
    }
    const before = first * this.#tokensPerImage;
    const imageIndex = this.#rows.slice(start, end).map((row) => (row < 0 ? -1 : row - before));
    return { slot, start, ids, imageIndex, imageFeatures: concatenate(used), wantLogits };
  }
}

/** One array as it is; several joined into a new one. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
