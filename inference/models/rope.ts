/** Tables of cosines and sines for rotary position embeddings. */
import type { RopeConfig } from './config.ts';

/**
 * @returns float32 bytes of two tables `[positions, headDim/2]`
 * Frequencies are rounded to float32 before they meet the position, and so is the angle, as transformers computes them.
 */
export function rotaryTables(rope: RopeConfig, headDim: number, positions: number): { cos: Uint8Array; sin: Uint8Array } {
  const half = headDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) =>
    scaled(rope, Math.fround(1 / Math.fround(rope.theta ** ((2 * i) / headDim)))),
  );
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * (frequencies[i] ?? 0));
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos: new Uint8Array(cos.buffer), sin: new Uint8Array(sin.buffer) };
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
