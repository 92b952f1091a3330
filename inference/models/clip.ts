/** The CLIP vision tower, from pixels to the hidden states of the layer that gives the features. */
import type { Value } from '../compile/graph-builder.ts';
import type { Operators } from '../compile/operators.ts';
import type { Weights } from '../compile/weights.ts';
import { activate } from './activations.ts';
import type { TowerConfig } from './config.ts';

/** @returns hidden states `[images·positions, hidden]` of `pixelValues` `[images, 3, size, size]`; position 0 is the class token */
export function clipTower(g: Operators, weights: Weights, config: TowerConfig, pixelValues: Value): Value {
  const { hiddenSize, layerNormEps } = config;
  const positions = Math.floor(config.imageSize / config.patchSize) ** 2 + 1;
  const norm = (scope: Weights, name: string, x: Value) =>
    g.LayerNormalization(x, scope.tensor(`${name}.weight`, [hiddenSize]), scope.tensor(`${name}.bias`, [hiddenSize]), layerNormEps);

  const embedded = embeddings(g, weights.scope('vision_tower.embeddings'), config, pixelValues, positions);
  let hidden = norm(weights, 'vision_tower.pre_layrnorm', g.Reshape(embedded, g.int64([-1, hiddenSize])));
  for (let layer = 0; layer < config.layers; layer++) {
    const block = weights.scope(`vision_tower.encoder.layers.${layer}`);
    hidden = g.Add(hidden, selfAttention(g, block.scope('self_attn'), config, norm(block, 'layer_norm1', hidden), positions));
    hidden = g.Add(hidden, mlp(g, block.scope('mlp'), config, norm(block, 'layer_norm2', hidden)));
  }
  return hidden;
}

/** Patches through a convolution, the class token before them, positions added: `[images, positions, hidden]`. */
function embeddings(g: Operators, weights: Weights, config: TowerConfig, pixelValues: Value, positions: number): Value {
  const { hiddenSize, patchSize } = config;
  const kernel = weights.tensor('patch_embedding.weight', [hiddenSize, 3, patchSize, patchSize]);
  const grid = g.Conv(pixelValues, kernel, patchSize, patchSize);
  const patches = g.Transpose(g.Reshape(grid, g.int64([0, hiddenSize, -1])), [0, 2, 1]);
  const classToken = g.Reshape(weights.tensor('class_embedding', [hiddenSize]), g.int64([1, 1, hiddenSize]));
  const images = g.Shape(pixelValues, 0, 1);
  const classTokens = g.Expand(classToken, g.Concat([images, g.int64([1, hiddenSize])], 0));
  return g.Add(g.Concat([classTokens, patches], 1), weights.tensor('position_embedding.weight', [positions, hiddenSize]));
}

function selfAttention(g: Operators, weights: Weights, config: TowerConfig, x: Value, positions: number): Value {
  const { hiddenSize, heads } = config;
  const project = (name: string) =>
    g.Reshape(weights.linear(x, [name], hiddenSize, [hiddenSize], true), g.int64([-1, positions, hiddenSize]));
  const attended = g.MultiHeadAttention(project('q_proj'), project('k_proj'), project('v_proj'), heads);
  return weights.linear(g.Reshape(attended, g.int64([-1, hiddenSize])), ['out_proj'], hiddenSize, [hiddenSize], true);
}

function mlp(g: Operators, weights: Weights, config: TowerConfig, x: Value): Value {
  const { hiddenSize, intermediateSize, activation } = config;
  const wide = activate(g, activation, weights.linear(x, ['fc1'], hiddenSize, [intermediateSize], true));
  return weights.linear(wide, ['fc2'], intermediateSize, [hiddenSize], true);
}
