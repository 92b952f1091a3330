/** How many prompt tokens one run computes: what a run takes is what those who decode wait for. */
import type { DecoderSpec } from '../models/spec.ts';
import { engineDefaults } from './options.ts';

/** Multiplications that take a tenth of a second on two cores. */
const LONG = 2 ** 34;
/** Those that take about as long as a decode step of several sequences. */
const SHORT = LONG / 4;
/** Larger chunks save no more runs worth counting, smaller ones read all weights for too little. */
const MOST = 2 * engineDefaults.prefillChunk;
const LEAST = engineDefaults.prefillChunk / 4;

/** Weights of a decoder's layer, as a rule: 4 h² in the attention and 8 h² behind it. */
const weightsOf = ({ layers, hiddenSize }: DecoderSpec) => 12 * layers * hiddenSize ** 2;

/**
 * @returns tokens of a run, as usual, and more for a small decoder, for which it is the number of runs that takes time; and those
 *   of a run that many who decode wait for
 */
export function prefillChunks(decoder: DecoderSpec): { readonly prefillChunk: number; readonly leastChunk: number } {
  const weights = weightsOf(decoder);
  const prefillChunk = LONG / weights >= MOST ? MOST : engineDefaults.prefillChunk;
  return { prefillChunk, leastChunk: Math.min(prefillChunk, Math.max(LEAST, Math.floor(SHORT / weights))) };
}
