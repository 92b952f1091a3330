/** How many prompt tokens one run computes: what a run takes is what those who decode wait for. */
import type { DecoderSpec } from '../models/spec.ts';
import { engineDefaults } from './options.ts';

/** Multiplications of a run that nobody minds waiting for: a tenth of a second on two cores. */
const UNNOTICED = 2 ** 34;
/** Longer ones save no more runs worth counting, and keep others waiting. */
const MOST = 2 * engineDefaults.prefillChunk;

/** Tokens of a run: as usual, and more for a small decoder, for which it is the number of runs that takes time. */
export function prefillChunkOf({ layers, hiddenSize }: DecoderSpec): number {
  // Weights of a decoder's layer, as a rule: 4 h² in the attention and 8 h² behind it.
  const weights = 12 * layers * hiddenSize ** 2;
  return UNNOTICED / weights >= MOST ? MOST : engineDefaults.prefillChunk;
}
