/** Runs the vision graph: pictures in, rows of features for the decoder out. */
import { graphNames, type VisionSpec } from '../models/spec.ts';
import type { Session } from './session.ts';
import { NativeMemory, Tensor } from './tensor.ts';

/** Not safe for two calls at once. */
export class VisionEncoder {
  readonly #session: Session;
  readonly #spec: VisionSpec;
  readonly #hiddenSize: number;
  #runtimeMs = 0;

  constructor(session: Session, spec: VisionSpec, hiddenSize: number) {
    this.#session = session;
    this.#spec = spec;
    this.#hiddenSize = hiddenSize;
  }

  /** Milliseconds spent inside the runtime so far. */
  get runtimeMs(): number {
    return this.#runtimeMs;
  }

  /**
   * @param pixels `[count, 3, height, width]`, read in place
   * @returns `[count, tokensPerImage, hidden]`, the caller's to keep
   * @throws RangeError if the number of pixels does not fit the number of pictures
   */
  async encode(pixels: Float32Array, count: number): Promise<Float32Array> {
    const { imageHeight, imageWidth, tokensPerImage } = this.#spec;
    const expected = count * 3 * imageHeight * imageWidth;
    if (pixels.length !== expected) {
      throw new RangeError(`${count} picture(s) of 3 × ${imageHeight} × ${imageWidth} are ${expected} numbers; got ${pixels.length}.`);
    }
    const features = new Float32Array(count * tokensPerImage * this.#hiddenSize);
    if (count === 0) return features;
    const binding = this.#session.createBinding();
    try {
      using input = new Tensor(NativeMemory.of(pixels), 'float32', [count, 3, imageHeight, imageWidth]);
      binding.bindInput(graphNames.pixelValues, input);
      using output = new Tensor(NativeMemory.of(features), 'float32', [count, tokensPerImage, this.#hiddenSize]);
      binding.bindOutput(graphNames.imageFeatures, output);
      this.#runtimeMs += await this.#session.run(binding);
      return features;
    } finally {
      binding.close();
    }
  }

  /** Waits for a run under way, then frees everything native. Idempotent. */
  async close(): Promise<void> {
    await this.#session.close();
  }
}
