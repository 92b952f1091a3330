/** From image references of a request to pixels, within the limits of a request. */
import { availableParallelism } from 'node:os';
import type { RgbImage } from '../../inference/types.ts';
import { base64Of, decodeBase64 } from './data-uri.ts';
import { openImage } from './decode.ts';
import { ImageTooLarge, InvalidImageUrl, TooManyImages } from './errors.ts';
import { fetchImage, type Resolver } from './fetch.ts';
import { Gate } from './gate.ts';
import type { ImageOptions } from './options.ts';

export interface ImageReference {
  /** `data:` URI, `http(s)` URL, or `attachment://` and the name of an attachment. */
  readonly url: string;
  /** Field of the request that holds it. */
  readonly param: string;
}

interface NormaliseContext {
  /** Files that came with the request, by name. */
  readonly attachments: ReadonlyMap<string, Uint8Array>;
  /** Aborts fetching and decoding, for instance when the client has gone. */
  readonly signal: AbortSignal;
}

export interface ImageNormaliser {
  /**
   * Fetches, checks and decodes; the result has the order of the references. The first failure ends the others.
   * @throws TooManyImages, ImageTooLarge, InvalidImageUrl, ImageUrlNotAllowed, ImageFetchFailed, ImageFetchTimeout,
   *   UnsupportedImageFormat, InvalidImage; the signal's reason
   */
  normalise(references: readonly ImageReference[], context: NormaliseContext): Promise<RgbImage[]>;
}

/** Fetches of all requests at a time. */
const maxFetches = 16;
/** Decoding takes a processor and the memory of the pixels. */
const maxDecodes = Math.max(2, Math.floor(availableParallelism() / 2));

/** @param resolve how host names are looked up; the system's resolver unless given */
export function createNormaliser(options: ImageOptions, resolve?: Resolver): ImageNormaliser {
  const fetches = new Gate(maxFetches);
  const decodes = new Gate(maxDecodes);
  const fetchOptions = { ...options, ...(resolve && { resolve }) };

  const bytesOf = async (
    { url, param }: ImageReference,
    attachments: NormaliseContext['attachments'],
    signal: AbortSignal,
  ): Promise<Uint8Array> => {
    const base64 = base64Of(url);
    if (base64 !== null) return decodeBase64(base64, param);
    if (/^\s*data:/i.test(url)) throw new InvalidImageUrl('The data: URI is not base64; expected data:image/…;base64,….', param);
    const name = /^attachment:\/\/(.*)$/is.exec(url)?.[1];
    if (name === undefined) return fetches.run(() => fetchImage(url, fetchOptions, param, signal), signal);
    const attachment = attachments.get(name) ?? attachments.get(decoded(name));
    if (attachment === undefined)
      throw new InvalidImageUrl(`The request has no attachment named ${JSON.stringify(name.slice(0, 100))}.`, param);
    return attachment;
  };

  return {
    async normalise(references, { attachments, signal: outer }) {
      checkCounts(references, options);
      const failed = new AbortController();
      const signal = AbortSignal.any([outer, failed.signal]);
      let pixels = 0;
      const one = async (reference: ImageReference): Promise<RgbImage> => {
        const bytes = await bytesOf(reference, attachments, signal);
        return decodes.run(async () => {
          const image = await openImage(bytes, options.maxPixels, reference.param);
          pixels += image.width * image.height;
          if (pixels > options.maxTotalPixels) throw ImageTooLarge.together(pixels, options.maxTotalPixels, reference.param);
          return image.decode(signal);
        }, signal);
      };
      const running = references.map((reference) =>
        one(reference).catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      );
      // Nothing runs on once this returns or throws; what failed first is what counts.
      await Promise.allSettled(running);
      if (outer.aborted) throw outer.reason;
      if (failed.signal.aborted) throw failed.signal.reason;
      return Promise.all(running);
    },
  };
}

function checkCounts(references: readonly ImageReference[], { maxImages, maxBase64Bytes }: ImageOptions): void {
  const excess = references[maxImages];
  if (excess !== undefined) throw new TooManyImages(references.length, maxImages, excess.param);
  let base64 = 0;
  for (const { url, param } of references) {
    base64 += base64Of(url)?.length ?? 0;
    if (base64 > maxBase64Bytes) throw ImageTooLarge.base64(base64, maxBase64Bytes, param);
  }
}

/** Names may be percent-encoded, as in any URL. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
