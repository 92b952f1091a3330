/** Decodes netpbm pictures: bitmaps, grey maps and pixel maps, as text (P1 P2 P3) or bytes (P4 P5 P6). */
import { expect, type Raster, type RasterSize } from './raster.ts';

interface Header extends RasterSize {
  /** The digit behind the `P`. */
  readonly kind: number;
  /** Value of full brightness; 1 for bitmaps, where it means black. */
  readonly max: number;
  /** Where the pixels begin. */
  readonly offset: number;
}

const space = new Set([9, 10, 11, 12, 13, 32]);
const newline = new Set([10, 13]);

/** The number at or behind `at`, past white space and comments, and where it ends. */
function readNumber(bytes: Uint8Array, at: number, digits: number): { value: number; end: number } {
  let from = at;
  for (; from < bytes.length; from++) {
    const byte = bytes[from] ?? 0;
    if (byte === 35) while (from < bytes.length && !newline.has(bytes[from] ?? 10)) from++;
    else if (!space.has(byte)) break;
  }
  let end = from;
  let value = 0;
  for (; end < bytes.length && end - from < digits; end++) {
    const digit = (bytes[end] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  expect(end > from, 'a number is missing');
  return { value, end };
}

/** @throws RasterError if the header is incomplete or out of range */
export function readPnmHeader(bytes: Uint8Array): Header {
  const kind = (bytes[1] ?? 0) - 48;
  expect(bytes[0] === 80 && kind >= 1 && kind <= 6, 'no netpbm header');
  const width = readNumber(bytes, 2, 9);
  const height = readNumber(bytes, width.end, 9);
  const bitmap = kind === 1 || kind === 4;
  const max = bitmap ? { value: 1, end: height.end } : readNumber(bytes, height.end, 6);
  expect(width.value > 0 && height.value > 0, 'no pixels');
  expect(max.value > 0 && max.value <= 65535, `maximum ${max.value}`);
  expect(space.has(bytes[max.end] ?? 0), 'no white space behind the header');
  return { width: width.value, height: height.value, kind, max: max.value, offset: max.end + 1 };
}

/** @throws RasterError if the file is damaged or incomplete */
export function decodePnm(bytes: Uint8Array): Raster {
  const { width, height, kind, max, offset } = readPnmHeader(bytes);
  const channels = kind % 3 === 0 ? 3 : 1;
  const samples = width * height * channels;
  // Enough bytes are there before memory is taken: as text a sample has one character at least.
  const perSample = kind === 4 ? 1 / 8 : kind > 4 && max > 255 ? 2 : 1;
  expect(bytes.length - offset >= Math.floor(samples * perSample), 'pixels are cut off');
  const levels = Uint8Array.from({ length: max + 1 }, (_, v) =>
    max === 1 && channels === 1 && (kind === 1 || kind === 4) ? 255 - v * 255 : Math.round((v * 255) / max),
  );
  const next = sampleReader(bytes, { kind, max, offset, width });
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < samples; i++) {
    const sample = next();
    expect(sample <= max, 'a sample is above the maximum');
    const level = levels[sample] ?? 0;
    if (channels === 3) data[i] = level;
    else data.fill(level, i * 3, i * 3 + 3);
  }
  return { width, height, data };
}

function sampleReader(bytes: Uint8Array, { kind, max, offset, width }: Omit<Header, 'height'>): () => number {
  let at = offset;
  if (kind <= 3) {
    return () => {
      // The bits of a P1 need no white space between them.
      const { value, end } = readNumber(bytes, at, kind === 1 ? 1 : 6);
      at = end;
      return value;
    };
  }
  if (kind === 4) {
    const stride = Math.ceil(width / 8);
    let index = 0;
    return () => {
      const y = Math.floor(index / width);
      const x = index++ % width;
      const byte = bytes[offset + y * stride + (x >> 3)];
      expect(byte !== undefined, 'pixels are cut off');
      return (byte >> (7 - (x & 7))) & 1;
    };
  }
  if (max <= 255) return () => bytes[at++] ?? 0;
  return () => {
    const value = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    at += 2;
    return value;
  };
}
