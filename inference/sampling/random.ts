/**
 * A counter-based random stream: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * A number depends on seed, stream and index alone, so it is the same whatever shares the batch and in whatever order it is drawn.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Upper 32 bits of the product of two unsigned 32-bit integers, by 16-bit halves (every partial sum stays below 2^32). */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (cross >>> 16)) >>> 0;
}

/** One block of Philox4x32-10: replaces the counter in `block` (4 words) by its four random words. */
export function philox4x32(block: Uint32Array, key0: number, key1: number): void {
  let [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = block;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

const block = new Uint32Array(4);

/**
 * Number `index` of stream `stream` under `seed`, uniform in [0, 1) with 53 bits.
 * @param seed any integer up to 2^53 in size; the key is its two's complement in 64 bits
 */
export function uniform(seed: number, stream: number, index: number): number {
  block[0] = index;
  block[1] = stream;
  block[2] = 0;
  block[3] = 0;
  philox4x32(block, seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
  const high = (block[0] ?? 0) >>> 5;
  const low = (block[1] ?? 0) >>> 6;
  return (high * 2 ** 26 + low) / 2 ** 53;
}
