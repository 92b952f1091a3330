/** A checkpoint's architecture in our own terms, with every default filled in: what the figures in this folder are drawn from. */

/** Rotary frequencies, as the tables of cosines and sines need them. */
export type RopeConfig =
  | { readonly type: 'default'; readonly theta: number }
  /** Position interpolation: all frequencies divided by `factor`. */
  | { readonly type: 'linear'; readonly theta: number; readonly factor: number }
  /** Llama 3.1: low frequencies divided by `factor`, high ones kept, a ramp between. */
  | {
      readonly type: 'llama3';
      readonly theta: number;
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositions: number;
    };

export interface TextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly maxPositions: number;
  readonly rmsNormEps: number;
  /** Name of the gate's activation, a key of `activations`. */
  readonly activation: string;
  readonly rope: RopeConfig;
  /** Tokens a query sees, itself included; null sees all. */
  readonly slidingWindow: number | null;
  readonly tiedEmbeddings: boolean;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
}

export interface TowerConfig {
  readonly family: 'clip' | 'siglip';
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  /** Encoder layers up to the one whose output becomes the features; later ones are never run. */
  readonly layers: number;
  readonly heads: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly activation: string;
  readonly layerNormEps: number;
}

export interface VisionConfig {
  readonly tower: TowerConfig;
  /** Select strategy "default" leaves out the first position (CLIP's class token), "full" keeps all. */
  readonly dropFirstPosition: boolean;
  readonly projectorActivation: string;
  readonly projectorBias: boolean;
  readonly imageTokenId: number;
}

export interface CheckpointConfig {
  readonly text: TextConfig;
  /** Null for a checkpoint of text only. */
  readonly vision: VisionConfig | null;
  readonly bosTokenId: number | null;
  readonly padTokenId: number | null;
  /** Ids that end a turn, from generation_config.json or else config.json. */
  readonly eosTokenIds: readonly number[];
}

/** Vectors that go through the tower for one image: its patches, and before them CLIP's class token. */
export function positionsOf(tower: TowerConfig): number {
  return Math.floor(tower.imageSize / tower.patchSize) ** 2 + (tower.family === 'clip' ? 1 : 0);
}

/** Rows of features that one image becomes. */
export function tokensPerImage(vision: VisionConfig): number {
  return positionsOf(vision.tower) - (vision.dropFirstPosition ? 1 : 0);
}
