/** ggml's encodings of weights: blocks of 32 values that share a scale (and in Q4_1 a minimum), both float16. */
import type { GgufTensor } from './gguf.ts';

const block = 32;

/** @throws Error for encodings other than F32, Q4_1 and Q8_0 */
export function dequantised({ name, type, shape, data }: GgufTensor): Float32Array {
  const count = shape.reduce((product, side) => product * side, 1);
  const values = new Float32Array(count);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (type === 'F32') {
    for (let i = 0; i < count; i++) values[i] = view.getFloat32(4 * i, true);
  } else if (type === 'Q4_1') {
    for (let b = 0, at = 0; b < count; b += block, at += 20) {
      const scale = ofFloat16(view.getUint16(at, true));
      const least = ofFloat16(view.getUint16(at + 2, true));
      for (let i = 0; i < 16; i++) {
        const pair = data[at + 4 + i] ?? 0;
        values[b + i] = (pair & 15) * scale + least;
        values[b + 16 + i] = (pair >> 4) * scale + least;
      }
    }
  } else if (type === 'Q8_0') {
    for (let b = 0, at = 0; b < count; b += block, at += 34) {
      const scale = ofFloat16(view.getUint16(at, true));
      for (let i = 0; i < block; i++) values[b + i] = view.getInt8(at + 2 + i) * scale;
    }
  } else {
    throw new Error(`The tensor ${name} is ${type}, which is not read here.`);
  }
  return values;
}

/** As llama.cpp's own `quantize_row_q4_0_ref`: the value of largest magnitude becomes -8. */
export function quantisedQ4(values: Float32Array): Uint8Array {
  const out = new Uint8Array((values.length / block) * 18);
  const view = new DataView(out.buffer);
  for (let b = 0, at = 0; b < values.length; b += block, at += 18) {
    let extreme = 0;
    for (let i = b; i < b + block; i++) if (Math.abs(values[i] ?? 0) > Math.abs(extreme)) extreme = values[i] ?? 0;
    const inverse = extreme === 0 ? 0 : -8 / extreme;
    view.setUint16(at, float16(extreme / -8), true);
    const level = (i: number) => Math.min(15, Math.floor((values[i] ?? 0) * inverse + 8.5));
    for (let i = 0; i < 16; i++) out[at + 2 + i] = level(b + i) | (level(b + 16 + i) << 4);
  }
  return out;
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

export function ofFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** To nearest, ties to even; what is too large becomes infinite. */
export function float16(value: number): number {
  float[0] = value;
  const bits = word[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(float[0] ?? 0);
  if (magnitude < 2 ** -14) {
    const steps = magnitude * 2 ** 24; // subnormal: multiples of 2^-24
    const below = Math.floor(steps);
    const rest = steps - below;
    return sign | (below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0));
  }
  const rounded = (bits & 0x7fffffff) + 0xfff + ((bits >>> 13) & 1);
  const half = (rounded >>> 13) - (112 << 10);
  return sign | Math.min(half, 0x7c00);
}
