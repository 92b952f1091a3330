/** The CLIP vision tower, from pixels to the hidden states of the layer that gives the features. */
import type { Value } from '../compile/graph-builder.ts';
import type { Operators } from '../compile/operators.ts';
import type { Weights } from '../compile/weights.ts';
import { positionsOf, type TowerConfig } from './config.ts';
import { encoder, layerNorm, patchEmbedding } from './vision-transformer.ts';

/** @returns hidden states `[images·positions, hidden]` of `pixelValues` `[images, 3, size, size]`; position 0 is the class token */
export function clipTower(g: Operators, weights: Weights, config: TowerConfig, pixelValues: Value): Value {
  const { hiddenSize } = config;
  const names = weights.scope('embeddings');
  const patches = patchEmbedding(g, names, config, pixelValues, false);
  const classToken = g.Reshape(names.tensor('class_embedding', [hiddenSize]), g.int64([1, 1, hiddenSize]));
  const images = g.Shape(pixelValues, 0, 1);
  const classTokens = g.Expand(classToken, g.Concat([images, g.int64([1, hiddenSize])], 0));
  const positions = names.tensor('position_embedding.weight', [positionsOf(config), hiddenSize]);
  const embedded = g.Add(g.Concat([classTokens, patches], 1), positions);

  const flat = g.Reshape(embedded, g.int64([-1, hiddenSize]));
  return encoder(g, weights.scope('encoder'), config, layerNorm(g, weights, config, 'pre_layrnorm', flat));
}
