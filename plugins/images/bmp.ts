/** Decodes Windows bitmaps: 1 to 32 bits a pixel, palettes, bit fields and run lengths, bottom-up or top-down. */
import { expect, type Raster, type RasterSize } from './raster.ts';

/** `biCompression` */
const kind = { rgb: 0, rle8: 1, rle4: 2, bitFields: 3, alphaBitFields: 6 };

interface Header extends RasterSize {
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  readonly palette: Uint8Array;
  /** Bytes of a palette entry: 3 in OS/2 files. */
  readonly paletteStride: 3 | 4;
  /** Red, green, blue and alpha. */
  readonly masks: readonly number[];
  readonly pixelOffset: number;
}

/** @throws RasterError if the header is incomplete or asks for something that no bitmap has */
export function readBmpHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  expect(bytes.length >= 26, 'no header');
  const pixelOffset = view.getUint32(10, true);
  const size = view.getUint32(14, true);
  const os2 = size === 12;
  expect(os2 || (size >= 40 && size <= 256 && bytes.length >= 14 + size), `header of ${size} bytes`);
  const width = os2 ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = os2 ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(os2 ? 24 : 28, true);
  const compression = os2 ? kind.rgb : view.getUint32(30, true);
  expect(width > 0 && signedHeight !== 0, 'no pixels');
  const height = Math.abs(signedHeight);

  const usesMasks = compression === kind.bitFields || compression === kind.alphaBitFields;
  const allowed = {
    [kind.rgb]: [1, 4, 8, 16, 24, 32],
    [kind.rle8]: [8],
    [kind.rle4]: [4],
    [kind.bitFields]: [16, 32],
    [kind.alphaBitFields]: [16, 32],
  };
  expect(allowed[compression]?.includes(bits) === true, `${bits} bits with compression ${compression}`);
  // Behind a header of 40 bytes the masks follow it; longer headers hold them at the same place.
  const maskCount = usesMasks ? (compression === kind.alphaBitFields || size >= 56 ? 4 : 3) : 0;
  expect(bytes.length >= 54 + maskCount * 4 || maskCount === 0, 'no masks');
  const written = Array.from({ length: maskCount }, (_, i) => view.getUint32(54 + i * 4, true));
  const masks = usesMasks ? written : bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0xff00, 0xff];

  const paletteStride = os2 ? 3 : 4;
  const used = os2 ? 0 : view.getUint32(46, true);
  const colours = bits > 8 ? 0 : Math.min(used === 0 ? 1 << bits : used, 1 << bits);
  const paletteAt = 14 + size + (usesMasks && size === 40 ? maskCount * 4 : 0);
  const palette = bytes.subarray(paletteAt, paletteAt + colours * paletteStride);
  expect(palette.length === colours * paletteStride, 'palette is cut off');
  expect(pixelOffset <= bytes.length, 'no pixels');
  return { width, height, topDown: signedHeight < 0, bits, compression, palette, paletteStride, masks, pixelOffset };
}

/** @throws RasterError if the file is damaged or incomplete */
export function decodeBmp(bytes: Uint8Array): Raster {
  const header = readBmpHeader(bytes);
  const { width, height, topDown, bits, compression, pixelOffset } = header;
  const data = new Uint8Array(width * height * 3);
  const rowAt = (row: number) => (topDown ? row : height - 1 - row) * width * 3;
  if (compression === kind.rle8 || compression === kind.rle4) {
    expect(!topDown, 'run lengths top-down');
    const indices = runLengths(bytes.subarray(pixelOffset), width, height, compression === kind.rle4);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) paint(header, indices[y * width + x] ?? 0, data, rowAt(y) + x * 3);
    return { width, height, data };
  }
  const stride = Math.ceil((width * bits) / 32) * 4;
  expect(bytes.length - pixelOffset >= stride * (height - 1) + Math.ceil((width * bits) / 8), 'pixels are cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset + pixelOffset);
  const channels = header.masks.map(channel);
  for (let y = 0; y < height; y++) {
    let to = rowAt(y);
    for (let x = 0; x < width; x++, to += 3) {
      if (bits <= 8) {
        const bit = x * bits;
        const byte = view.getUint8(y * stride + (bit >> 3));
        paint(header, (byte >> (8 - bits - (bit & 7))) & ((1 << bits) - 1), data, to);
      } else if (bits === 24) {
        const from = y * stride + x * 3;
        for (let c = 0; c < 3; c++) data[to + c] = view.getUint8(from + 2 - c);
      } else {
        const from = y * stride + (x * bits) / 8;
        const pixel = bits === 16 ? view.getUint16(from, true) : view.getUint32(from, true);
        const alpha = channels[3]?.(pixel) ?? 255;
        for (let c = 0; c < 3; c++) data[to + c] = onWhite(channels[c]?.(pixel) ?? 0, alpha);
      }
    }
  }
  return { width, height, data };
}

const onWhite = (value: number, alpha: number) => (alpha === 255 ? value : Math.round((value * alpha + 255 * (255 - alpha)) / 255));

/** Reads the bits of a mask as 0…255. A mask without bits means no such channel: black, or opaque. */
function channel(mask: number, index: number): (pixel: number) => number {
  if (mask === 0) return () => (index === 3 ? 255 : 0);
  const shift = 31 - Math.clz32(mask & -mask);
  const top = mask >>> shift;
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / top);
}

function paint({ palette, paletteStride }: Header, index: number, data: Uint8Array, to: number): void {
  const from = index * paletteStride;
  expect(from < palette.length, 'a colour that the palette does not have');
  for (let c = 0; c < 3; c++) data[to + c] = palette[from + 2 - c] ?? 0;
}

/** Palette indices `[height, width]`, bottom row first; what the code skips stays 0. */
function runLengths(code: Uint8Array, width: number, height: number, nibbles: boolean): Uint8Array {
  const out = new Uint8Array(width * height);
  let x = 0;
  let y = 0;
  let at = 0;
  const next = () => {
    expect(at < code.length, 'run lengths are cut off');
    return code[at++] ?? 0;
  };
  const put = (index: number) => {
    if (x < width && y < height) out[y * width + x] = index;
    x++;
  };
  const nibble = (byte: number, i: number) => (nibbles ? (i % 2 === 0 ? byte >> 4 : byte & 15) : byte);
  while (y < height) {
    const count = next();
    const value = next();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(nibble(value, i));
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      x += next();
      y += next();
    } else {
      const bytes = nibbles ? Math.ceil(value / 2) : value;
      expect(at + bytes <= code.length, 'run lengths are cut off');
      for (let i = 0; i < value; i++) put(nibble(code[at + (nibbles ? i >> 1 : i)] ?? 0, i));
      at += bytes + (bytes & 1);
    }
  }
  return out;
}
