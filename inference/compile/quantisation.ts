/** Which linear layers are quantised, and how: one table, and the rule that chooses when the caller says "auto". */
import type { TextConfig } from '../models/config.ts';
import type { RowEncoding } from './row-job.ts';

export type Quantization = 'none' | 'int8' | 'int4';
export type QuantizationChoice = Quantization | 'auto';

interface Rule {
  /** Canonical names of the layers, as a prefix. */
  readonly layers: string;
  readonly bits: 4 | 8;
  /** Weights that share one scale. */
  readonly block: number;
}

/**
 * The first rule that matches a linear layer's name counts; a layer that none matches stays float32: so do the vision tower
 * and the projector, which run once an image and carry all that is seen. Embeddings and norms are no linear layers.
 * The head keeps 8 bits: its errors go straight to the logits, and it is one matrix. Block 32 is nearest to float32, and
 * as fast in decoding as larger ones.
 */
const table: Readonly<Record<Quantization, readonly Rule[]>> = {
  none: [],
  int8: [
    { layers: 'language_model.', bits: 8, block: 32 },
    { layers: 'lm_head', bits: 8, block: 32 },
  ],
  int4: [
    { layers: 'language_model.embed_tokens', bits: 8, block: 32 },
    { layers: 'language_model.', bits: 4, block: 32 },
    { layers: 'lm_head', bits: 8, block: 32 },
  ],
};

/** Layers with fewer weights than this gain nothing. */
const SMALLEST_LAYER = 2048;

/** @returns how the rows of a linear layer `[outFeatures, inFeatures]` are stored */
export function encodingOf(layer: string, inFeatures: number, outFeatures: number, quantization: Quantization): RowEncoding {
  const rule = table[quantization].find(({ layers }) => layer.startsWith(layers));
  if (!rule || inFeatures < rule.block || inFeatures * outFeatures < SMALLEST_LAYER) return { kind: 'float32' };
  return { kind: 'blocks', bits: rule.bits, block: rule.block };
}

/** Decoders up to this many weights in linear layers stay in the processor's caches even as float32. */
const SMALL_DECODER = 16e6;
/** From this many on, memory traffic and size outweigh what int4 loses. */
const LARGE_DECODER = 1e9;

/** "auto": float32 for very small decoders, int8 (as good as float32) for middling ones, int4 from a thousand million weights on. */
export function resolveQuantization(choice: QuantizationChoice, text: TextConfig): Quantization {
  if (choice !== 'auto') return choice;
  const attention = text.hiddenSize * text.headDim * (2 * text.heads + 2 * text.kvHeads);
  const weights = text.layers * (attention + 3 * text.hiddenSize * text.intermediateSize) + text.vocabSize * text.hiddenSize;
  return weights <= SMALL_DECODER ? 'none' : weights < LARGE_DECODER ? 'int8' : 'int4';
}
