/** The SigLIP vision tower: patches with a bias, no class token, no norm before the encoder. */
import type { Value } from '../compile/graph-builder.ts';
import type { Operators } from '../compile/operators.ts';
import type { Weights } from '../compile/weights.ts';
import { positionsOf, type TowerConfig } from './config.ts';
import { encoder, patchEmbedding } from './vision-transformer.ts';

/** @returns hidden states `[images·positions, hidden]` of `pixelValues` `[images, 3, size, size]` */
export function siglipTower(g: Operators, weights: Weights, config: TowerConfig, pixelValues: Value): Value {
  const names = weights.scope('embeddings');
  const patches = patchEmbedding(g, names, config, pixelValues, true);
  const embedded = g.Add(patches, names.tensor('position_embedding.weight', [positionsOf(config), config.hiddenSize]));
  return encoder(g, weights.scope('encoder'), config, g.Reshape(embedded, g.int64([-1, config.hiddenSize])));
}
