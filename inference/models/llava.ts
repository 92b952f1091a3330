/** The vision half of a LLaVA model: tower, choice of features, projector. */
import type { Operators } from '../compile/operators.ts';
import type { Weights } from '../compile/weights.ts';
import { clipTower } from './clip.ts';
import { positionsOf, tokensPerImage, type VisionConfig } from './config.ts';
import { llavaProjector } from './projector/llava.ts';
import { siglipTower } from './siglip.ts';
import { graphNames } from './spec.ts';

const towers = { clip: clipTower, siglip: siglipTower } as const;

/** Draws the vision graph: `pixel_values` `[images, 3, size, size]` → `image_features` `[images, tokensPerImage, textHidden]`. */
export function llavaVision(g: Operators, weights: Weights, config: VisionConfig, textHidden: number): void {
  const { imageSize, hiddenSize } = config.tower;
  const tokens = tokensPerImage(config);
  const pixelValues = g.input(graphNames.pixelValues, 'float32', ['images', 3, imageSize, imageSize]);
  let features = towers[config.tower.family](g, weights.scope('vision_tower'), config.tower, pixelValues);
  if (config.dropFirstPosition) {
    const positions = positionsOf(config.tower);
    const all = g.Reshape(features, g.int64([-1, positions, hiddenSize]));
    features = g.Reshape(g.Slice(all, 1, positions, 1), g.int64([-1, hiddenSize]));
  }
  const projected = llavaProjector(g, weights, config, textHidden, features);
  g.output(graphNames.imageFeatures, g.Reshape(projected, g.int64([-1, tokens, textHidden])), 'float32', ['images', tokens, textHidden]);
}
