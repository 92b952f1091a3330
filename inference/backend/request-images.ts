/** The images of requests as the engine takes them: pixels are prepared when it wants them, and what came before may be named. */
import { LRUCache } from 'lru-cache';
import type { Engine } from '../engine/engine.ts';
import type { PromptImage } from '../engine/prompt.ts';
import { ImageNotCached, RequestError } from '../errors.ts';
import type { ImageInput, NamedImage, RgbImage } from '../types.ts';
import type { Preprocessor } from '../vision/preprocess.ts';

/** Names remembered, the last used ones: a name without its image is of no use, and the engine keeps fewer than so many. */
const MAX_NAMES = 10_000;

export class RequestImages {
  readonly #preprocessor: Preprocessor | null;
  readonly #engine: Pick<Engine, 'holdsImage'>;
  /** Content hashes by salt and uuid. */
  readonly #hashes = new LRUCache<string, string>({ max: MAX_NAMES });

  /** @param preprocessor null for a model of text only */
  constructor(preprocessor: Preprocessor | null, engine: Pick<Engine, 'holdsImage'>) {
    this.#preprocessor = preprocessor;
    this.#engine = engine;
  }

  /**
   * @param salt an image is known by its name only among requests of the same salt
   * @throws ImageNotCached for a name without an image that the engine holds
   */
  resolve(images: readonly ImageInput[], salt: string | undefined): PromptImage[] {
    return images.map((image) => (image.data === undefined ? this.#named(image, salt) : this.#sent(image, salt)));
  }

  #sent(image: RgbImage, salt: string | undefined): PromptImage {
    if (image.uuid !== undefined) this.#hashes.set(key(image.uuid, salt), image.hash);
    return { hash: image.hash, pixels: () => this.#prepare(image) };
  }

  #named({ uuid }: NamedImage, salt: string | undefined): PromptImage {
    const hash = this.#hashes.get(key(uuid, salt));
    if (hash === undefined || !this.#engine.holdsImage(hash, salt)) throw new ImageNotCached(uuid);
    // Asked for pixels, the engine has given up what it held since.
    return { hash, pixels: () => Promise.reject(new ImageNotCached(uuid)) };
  }

  async #prepare(image: RgbImage): Promise<Float32Array> {
    if (this.#preprocessor === null) throw new RequestError('This model takes no images.', 'messages');
    return this.#preprocessor.run(image);
  }
}

function key(uuid: string, salt: string | undefined): string {
  return JSON.stringify([uuid, salt]);
}
