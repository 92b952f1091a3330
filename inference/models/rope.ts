/** Tables of cosines or sines for rotary position embeddings. */
import type { RopeConfig } from './config.ts';

/**
 * @param wave `Math.cos` or `Math.sin`
 * @returns a function that computes rows `first … first + count - 1` of the table `[positions, headDim/2]`
 * Frequencies are rounded to float32 before they meet the position, and so is the angle, as transformers computes them.
 */
export function rotaryTable(rope: RopeConfig, headDim: number, wave: (angle: number) => number) {
  const half = headDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) =>
    scaled(rope, Math.fround(1 / Math.fround(rope.theta ** ((2 * i) / headDim)))),
  );
  return (first: number, count: number): Float32Array => {
    const rows = new Float32Array(count * half);
    for (let row = 0; row < count; row++) {
      for (let i = 0; i < half; i++) rows[row * half + i] = wave(Math.fround((first + row) * (frequencies[i] ?? 0)));
    }
    return rows;
  };
}

function scaled(rope: RopeConfig, frequency: number): number {
  switch (rope.type) {
    case 'default':
      return frequency;
    case 'linear':
      return frequency / rope.factor;
    case 'llama3': {
      const wavelength = (2 * Math.PI) / frequency;
      if (wavelength < rope.originalMaxPositions / rope.highFreqFactor) return frequency;
      if (wavelength > rope.originalMaxPositions / rope.lowFreqFactor) return frequency / rope.factor;
      const smooth = (rope.originalMaxPositions / wavelength - rope.lowFreqFactor) / (rope.highFreqFactor - rope.lowFreqFactor);
      return ((1 - smooth) * frequency) / rope.factor + smooth * frequency;
    }
  }
}
