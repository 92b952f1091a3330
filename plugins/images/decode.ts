/** Turns the bytes of an image file into 8-bit sRGB pixels. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import sharp, { type Sharp } from 'sharp';
import type { RgbImage } from '../../inference/types.ts';
import { readBmpHeader } from './bmp.ts';
import { ImageTooLarge, InvalidImage, UnsupportedImageFormat } from './errors.ts';
import { readPnmHeader } from './pnm.ts';
import type { Raster, RasterSize } from './raster.ts';
import type { RasterJob } from './raster-worker.ts';
import { type ImageFormat, sniffFormat } from './sniff.ts';

// Pictures are decoded side by side; several threads for each would only take turns with each other and the model.
sharp.concurrency(1);

/** Names for callers, and what sharp calls the format. */
const formats: Readonly<Record<ImageFormat, { readonly title: string; readonly sharp: string | null }>> = {
  png: { title: 'PNG', sharp: 'png' },
  jpeg: { title: 'JPEG', sharp: 'jpeg' },
  gif: { title: 'GIF', sharp: 'gif' },
  webp: { title: 'WebP', sharp: 'webp' },
  tiff: { title: 'TIFF', sharp: 'tiff' },
  avif: { title: 'AVIF', sharp: 'heif' },
  bmp: { title: 'BMP', sharp: null },
  pnm: { title: 'PPM', sharp: null },
};

/** Some files cost far more time than their size lets expect; none may hold a decoder longer. */
const decodeSeconds = 20;

/** An image whose header has been read. */
export interface OpenedImage extends RasterSize {
  /**
   * The pixels: EXIF orientation applied, the first frame of several, transparency composed on white.
   * @throws InvalidImage; the signal's reason
   */
  decode(signal: AbortSignal): Promise<RgbImage>;
}

/**
 * Reads the header, and so the size, before anything else is decoded.
 * @throws UnsupportedImageFormat, InvalidImage, ImageTooLarge
 */
export async function openImage(bytes: Uint8Array, maxPixels: number, param: string | null): Promise<OpenedImage> {
  const format = sniffFormat(bytes);
  if (format === null) throw new UnsupportedImageFormat(param);
  const invalid = () => new InvalidImage(formats[format].title, param);
  const { size, pixels } = await (format === 'bmp' || format === 'pnm'
    ? openRaster(bytes, format)
    : openWithSharp(bytes, format, maxPixels)
  ).catch(() => {
    throw invalid();
  });
  if (size.width * size.height > maxPixels) throw ImageTooLarge.pixels(size.width, size.height, maxPixels, param);
  return {
    ...size,
    decode: async (signal) => {
      signal.throwIfAborted();
      const [raster, hash] = await Promise.all([
        pixels(signal).catch(() => {
          signal.throwIfAborted();
          throw invalid();
        }),
        // The same bytes always give the same pixels, and there are far fewer of them.
        hashOf(bytes),
      ]);
      return { ...raster, hash };
    },
  };
}

/** More bytes than these, a millisecond's work, are hashed on another thread. */
const hashedAtOnce = 2 ** 20;

async function hashOf(bytes: Uint8Array): Promise<string> {
  if (bytes.length <= hashedAtOnce) return createHash('sha256').update(bytes).digest('hex');
  return Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))).toString('hex');
}

interface Opened {
  readonly size: RasterSize;
  pixels(signal: AbortSignal): Promise<Raster>;
}

async function openRaster(bytes: Uint8Array, format: RasterJob['format']): Promise<Opened> {
  const { width, height } = format === 'bmp' ? readBmpHeader(bytes) : readPnmHeader(bytes);
  return { size: { width, height }, pixels: (signal) => decodeInThread({ format, bytes }, signal) };
}

async function decodeInThread(job: RasterJob, signal: AbortSignal): Promise<Raster> {
  const worker = new Worker(new URL(`./raster-worker${extname(import.meta.url)}`, import.meta.url), { workerData: job });
  try {
    const [raster] = await once(worker, 'message', { signal });
    return raster;
  } finally {
    await worker.terminate();
  }
}

async function openWithSharp(file: Uint8Array, format: ImageFormat, maxPixels: number): Promise<Opened> {
  const bytes = format === 'avif' ? withAvifBrand(file) : file;
  // The limit on pixels is checked by the caller, with a message of its own; here it would count as damage.
  const { width, height, format: found } = await sharp(bytes, { limitInputPixels: false }).metadata();
  if (found !== formats[format].sharp) throw new Error(`sharp reads it as ${found}`);
  // Truncated files fail, harmless warnings do not.
  return {
    size: { width, height },
    pixels: () => sharpPixels(sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels, autoOrient: true })),
  };
}

const avifBrand = Buffer.from('avif');

/** libvips goes by the major brand alone and does not know the one of animations, `avis`, though they hold a still picture as well. */
function withAvifBrand(bytes: Uint8Array): Uint8Array {
  if (avifBrand.equals(bytes.subarray(8, 12))) return bytes;
  // Not by `slice`, by which a Buffer shares its memory.
  const copy = new Uint8Array(bytes);
  copy.set(avifBrand, 8);
  return copy;
}

async function sharpPixels(image: Sharp): Promise<Raster> {
  // Not `toUint8Array`: sharp 0.35.5 never frees what that gives.
  const { data, info } = await image
    .timeout({ seconds: decodeSeconds })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`expected 3 channels, got ${info.channels}`);
  return { width: info.width, height: info.height, data: data as Raster['data'] };
}
