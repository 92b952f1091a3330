/** What the engine must know of a compiled model, and the names of its graphs' inputs and outputs. */

export interface DecoderSpec {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Longest context the rotary tables cover. */
  readonly maxPositions: number;
}

export interface VisionSpec {
  readonly imageHeight: number;
  readonly imageWidth: number;
  /** Placeholder tokens that one image becomes; rows of features that the tower gives for it. */
  readonly tokensPerImage: number;
  /** Token id that stands for an image in a prompt. */
  readonly imageTokenId: number;
}

export interface ModelSpec {
  readonly decoder: DecoderSpec;
  readonly vision: VisionSpec | null;
}

/** A checkpoint after compilation: graphs and weights in a cache folder. */
export interface CompiledModel {
  readonly folder: string;
  readonly decoderPath: string;
  readonly visionPath: string | null;
  readonly spec: ModelSpec;
  /** Hash of checkpoint identity and options; the name of the cache entry. */
  readonly key: string;
}

/**
 * Decoder graph.
 * inputs:  input_ids int64 [batch, tokens]; image_features float32 [features ≥ 1, hidden] and image_index int64 [batch, tokens]
 *          (row of image_features that replaces the token's embedding, or -1), both only with a vision tower;
 *          logit_rows int64 [rows]: rows of the flattened [batch·tokens, hidden] whose logits are wanted;
 *          seqlens_k int32 [batch] (length after this run, minus 1); total_sequence_length int32 [] (the largest length after this run);
 *          past_key_values.{layer}.{key,value} float32 [batch, kvHeads, maxLen, headDim]
 * outputs: logits float32 [rows, vocab]; present.{layer}.{key,value}, bound to the very memory of past.
 * Vision graph: pixel_values float32 [images, 3, height, width] → image_features float32 [images, tokensPerImage, hidden].
 */
export const graphNames = {
  inputIds: 'input_ids',
  imageFeatures: 'image_features',
  imageIndex: 'image_index',
  logitRows: 'logit_rows',
  seqlensK: 'seqlens_k',
  totalSequenceLength: 'total_sequence_length',
  pastKey: (layer: number) => `past_key_values.${layer}.key`,
  pastValue: (layer: number) => `past_key_values.${layer}.value`,
  presentKey: (layer: number) => `present.${layer}.key`,
  presentValue: (layer: number) => `present.${layer}.value`,
  logits: 'logits',
  pixelValues: 'pixel_values',
} as const;
