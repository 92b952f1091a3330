/** Turns rows of checkpoint weights into float32 or into MatMulNBits blocks. Pure: bytes in, bytes out. */
import { bytesPerRow, type RowEncoding } from './row-job.ts';
import type { SourceType } from './safetensors.ts';

/**
 * @param bytes whole rows of `columns` elements of type `dtype`; the view must be aligned to the element
 * @returns one array for each part of the encoding, rows in order
 */
export function encodeRows(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: SourceType,
  columns: number,
  encoding: RowEncoding,
): Uint8Array<ArrayBuffer>[] {
  const weights = toFloat32(bytes, dtype);
  if (encoding.kind === 'float32') return [new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength)];
  const rows = weights.length / columns;
  const [packedBytes = 0, scaleBytes = 0] = bytesPerRow(columns, encoding);
  const packed = new Uint8Array(rows * packedBytes);
  const scales = new Float32Array((rows * scaleBytes) / 4);
  const encodeBlock = encoding.bits === 4 ? encodeInt4 : encodeInt8;
  const blockBytes = (encoding.block * encoding.bits) / 8;
  // The last block of a row is padded with zeros, so that its nibbles are whole.
  const block = new Float32Array(encoding.block);
  let index = 0;
  for (let row = 0; row < rows; row++) {
    for (let start = 0; start < columns; start += encoding.block) {
      const end = Math.min(start + encoding.block, columns);
      if (end - start < encoding.block) block.fill(0);
      block.set(weights.subarray(row * columns + start, row * columns + end));
      scales[index] = encodeBlock(block, packed, index * blockBytes);
      index++;
    }
  }
  return [packed, new Uint8Array(scales.buffer)];
}

/** Symmetric, stored with the operator's default zero point of 128. */
function encodeInt8(block: Float32Array, out: Uint8Array, offset: number): number {
  let largest = 0;
  for (let i = 0; i < block.length; i++) largest = Math.max(largest, Math.abs(block[i] ?? 0));
  const inverse = largest === 0 ? 0 : 127 / largest;
  for (let i = 0; i < block.length; i++) out[offset + i] = ((block[i] ?? 0) * inverse + 128.5) | 0;
  return largest / 127;
}

/** Steps around "largest weight at -8" that are tried; the best in least squares wins. */
const INT4_TRIALS = [8, 7.4, 7.7, 8.3, 8.6] as const;

/**
 * Sixteen levels -8 … 7, stored with the operator's default zero point of 8, low nibble first. The weight of largest magnitude
 * takes the -8 side, which has one level more; the scale is the least-squares one for the rounding (llama.cpp's Q4_0 idea).
 */
function encodeInt4(block: Float32Array, out: Uint8Array, offset: number): number {
  let extreme = 0;
  for (let i = 0; i < block.length; i++) {
    const weight = block[i] ?? 0;
    if (Math.abs(weight) > Math.abs(extreme)) extreme = weight;
  }
  if (extreme === 0) {
    out.fill(0x88, offset, offset + block.length / 2);
    return 0;
  }
  let inverse = 0;
  let scale = 0;
  let best = -1;
  for (const trial of INT4_TRIALS) {
    const candidate = -trial / extreme;
    let dot = 0;
    let norm = 0;
    for (let i = 0; i < block.length; i++) {
      const weight = block[i] ?? 0;
      const level = int4Level(weight * candidate) - 8;
      dot += weight * level;
      norm += level * level;
    }
    if (dot * dot > best * norm) {
      best = (dot * dot) / norm;
      inverse = candidate;
      scale = dot / norm;
    }
  }
  for (let i = 0; i < block.length; i += 2) {
    out[offset + i / 2] = int4Level((block[i] ?? 0) * inverse) | (int4Level((block[i + 1] ?? 0) * inverse) << 4);
  }
  return scale;
}

/** Rounds to the nearest level and shifts it to 0 … 15. */
function int4Level(scaled: number): number {
  const level = (scaled + 8.5) | 0;
  return Math.max(0, Math.min(15, level));
}

function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: SourceType): Float32Array<ArrayBuffer> {
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const floats = new Float32Array(halves.length);
  if (dtype === 'BF16') {
    const bits = new Uint32Array(floats.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] ?? 0) << 16;
  } else {
    halfTable ??= makeHalfTable();
    for (let i = 0; i < halves.length; i++) floats[i] = halfTable[halves[i] ?? 0] ?? 0;
  }
  return floats;
}

/** Value of every 16-bit pattern of IEEE half precision; made on first use. */
let halfTable: Float32Array | undefined;

function makeHalfTable(): Float32Array {
  return Float32Array.from({ length: 0x10000 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
