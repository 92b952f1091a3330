/** Turns SVG into the bytes of a picture file, and sees to it that the fonts meant are the fonts drawn. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { fonts } from './world.ts';

export const formats = ['png', 'jpeg', 'webp'] as const;
export type Format = (typeof formats)[number];

export interface Picture {
  readonly bytes: Buffer;
  readonly format: Format;
}

export async function rasterise(svg: string, format: Format, quality: number): Promise<Picture> {
  const image = sharp(Buffer.from(svg)).flatten({ background: '#ffffff' });
  const bytes = await (format === 'png' ? image.png() : format === 'jpeg' ? image.jpeg({ quality }) : image.webp({ quality })).toBuffer();
  return { bytes, format };
}

export function dataUri({ bytes, format }: Picture): string {
  return `data:image/${format};base64,${bytes.toString('base64')}`;
}

/**
 * The renderer falls back silently to another face, perhaps one of the training's: so ask fontconfig first.
 * @throws Error that names the missing families and the packages that hold them
 */
export async function requireFonts(): Promise<void> {
  const missing: string[] = [];
  for (const family of fonts) {
    let found: string;
    try {
      found = (await promisify(execFile)('fc-match', ['-f', '%{family}', family])).stdout;
    } catch (cause) {
      throw new Error('The evaluation asks fontconfig for its fonts, and `fc-match` did not run; install fontconfig.', { cause });
    }
    if (!found.split(',').includes(family)) missing.push(family);
  }
  if (missing.length > 0) {
    throw new Error(`Fonts not installed: ${missing.join(', ')}. On Debian: apt install fonts-liberation fonts-noto-core.`);
  }
}
