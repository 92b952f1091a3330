/** The pre-norm transformer encoder that CLIP's and SigLIP's towers share, and their patch embedding. */
import type { Value } from '../compile/graph-builder.ts';
import type { Operators } from '../compile/operators.ts';
import type { Weights } from '../compile/weights.ts';
import { activate } from './activations.ts';
import { positionsOf, type TowerConfig } from './config.ts';

/** One vector a patch, row by row: `[images, patches, hidden]` of `pixelValues` `[images, 3, size, size]`. */
export function patchEmbedding(g: Operators, weights: Weights, config: TowerConfig, pixelValues: Value, hasBias: boolean): Value {
  const { hiddenSize, patchSize } = config;
  const kernel = weights.tensor('patch_embedding.weight', [hiddenSize, 3, patchSize, patchSize]);
  const bias = hasBias ? weights.tensor('patch_embedding.bias', [hiddenSize]) : null;
  const grid = g.Conv(pixelValues, kernel, bias, patchSize, patchSize);
  return g.Transpose(g.Reshape(grid, g.int64([0, hiddenSize, -1])), [0, 2, 1]);
}

/** Normalises the last axis with the weights `name`. */
export function layerNorm(g: Operators, weights: Weights, config: TowerConfig, name: string, x: Value): Value {
  const scale = weights.tensor(`${name}.weight`, [config.hiddenSize]);
  return g.LayerNormalization(x, scale, weights.tensor(`${name}.bias`, [config.hiddenSize]), config.layerNormEps);
}

/** Hidden states `[images·positions, hidden]` through the layers up to the one that gives the features. */
export function encoder(g: Operators, weights: Weights, config: TowerConfig, embedded: Value): Value {
  let hidden = embedded;
  for (let layer = 0; layer < config.layers; layer++) {
    const block = weights.scope(`layers.${layer}`);
    hidden = g.Add(hidden, selfAttention(g, block.scope('self_attn'), config, layerNorm(g, block, config, 'layer_norm1', hidden)));
    hidden = g.Add(hidden, mlp(g, block.scope('mlp'), config, layerNorm(g, block, config, 'layer_norm2', hidden)));
  }
  return hidden;
}

function selfAttention(g: Operators, weights: Weights, config: TowerConfig, x: Value): Value {
  const { hiddenSize, heads } = config;
  const shape = g.int64([-1, positionsOf(config), hiddenSize]);
  const project = (name: string) => g.Reshape(weights.linear(x, [name], hiddenSize, [hiddenSize], true), shape);
  const attended = g.MultiHeadAttention(project('q_proj'), project('k_proj'), project('v_proj'), heads);
  return weights.linear(g.Reshape(attended, g.int64([-1, hiddenSize])), ['out_proj'], hiddenSize, [hiddenSize], true);
}

function mlp(g: Operators, weights: Weights, config: TowerConfig, x: Value): Value {
  const { hiddenSize, intermediateSize, activation } = config;
  const wide = activate(g, activation, weights.linear(x, ['fc1'], hiddenSize, [intermediateSize], true));
  return weights.linear(wide, ['fc2'], intermediateSize, [hiddenSize], true);
}
