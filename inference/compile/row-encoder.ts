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
  // What lies behind the end of a row in its last block is zero: each byte holds zero points.
  if (columns % encoding.block !== 0) packed.fill(encoding.bits === 4 ? 0x88 : 0x80);
  let index = 0;
  for (let row = 0; row < rows; row++) {
    for (let start = 0; start < columns; start += encoding.block) {
      const from = row * columns + start;
      const to = row * columns + Math.min(start + encoding.block, columns);
      scales[index] = encodeBlock(weights, from, to, packed, index * blockBytes);
      index++;
    }
  }
  return [packed, new Uint8Array(scales.buffer)];
}

/** Symmetric, stored with the operator's default zero point of 128. Returns the scale. */
function encodeInt8(weights: Float32Array, from: number, to: number, out: Uint8Array, offset: number): number {
  const largest = Math.abs(extremeOf(weights, from, to));
  const inverse = largest === 0 ? 0 : 127 / largest;
  for (let i = from; i < to; i++) out[offset + i - from] = ((weights[i] ?? 0) * inverse + 128.5) | 0;
  return largest / 127;
}

/** Steps around "weight of largest magnitude at -8" that are tried; the best in least squares wins. */
const INT4_TRIALS = [8, 7.4, 7.7, 8.3, 8.6] as const;

/**
 * Sixteen levels -8 … 7, stored with the operator's default zero point of 8, low nibble first. The weight of largest magnitude
 * takes the -8 side, which has one level more; the scale is the least-squares one for the rounding (llama.cpp's Q4_0 idea).
 * Returns the scale.
 */
function encodeInt4(weights: Float32Array, from: number, to: number, out: Uint8Array, offset: number): number {
  const extreme = extremeOf(weights, from, to);
  let inverse = 0;
  let scale = 0;
  if (extreme !== 0) {
    let best = -1;
    for (const trial of INT4_TRIALS) {
      const candidate = -trial / extreme;
      let dot = 0;
      let norm = 0;
      for (let i = from; i < to; i++) {
        const weight = weights[i] ?? 0;
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
  }
  for (let i = from; i < to; i += 2) {
    const high = i + 1 < to ? int4Level((weights[i + 1] ?? 0) * inverse) : 8;
    out[offset + ((i - from) >> 1)] = int4Level((weights[i] ?? 0) * inverse) | (high << 4);
  }
  return scale;
}

/** The weight of largest magnitude. */
function extremeOf(weights: Float32Array, from: number, to: number): number {
  let extreme = 0;
  let largest = 0;
  for (let i = from; i < to; i++) {
    const weight = weights[i] ?? 0;
    const magnitude = weight < 0 ? -weight : weight;
    if (magnitude > largest) {
      largest = magnitude;
      extreme = weight;
    }
  }
  return extreme;
}

/** Rounds to the nearest level, shifted to 0 … 15; `scaled` is at least about -9. */
function int4Level(scaled: number): number {
  const level = (scaled + 9.5) | 0;
  return level > 16 ? 15 : level > 0 ? level - 1 : 0;
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
