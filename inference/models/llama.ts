/** The decoder of Llama and its relatives (Mistral, Qwen2), from the embedding to the head. */
import type { Value } from '../compile/graph-builder.ts';
import type { Operators } from '../compile/operators.ts';
import type { Weights } from '../compile/weights.ts';
import { activate } from './activations.ts';
import type { TextConfig } from './config.ts';
import { rotaryTable } from './rope.ts';
import { graphNames } from './spec.ts';

/**
 * Draws the decoder graph, whose inputs and outputs are written down at `graphNames`.
 * Hidden states are `[batch·tokens, hidden]` except inside attention.
 * @param withImages whether features of a vision tower may replace embeddings
 */
export function llamaDecoder(g: Operators, weights: Weights, config: TextConfig, withImages: boolean): void {
  const { hiddenSize, layers, vocabSize, rmsNormEps } = config;
  const norm = (name: string) => weights.tensor(`language_model.${name}.weight`, [hiddenSize]);

  const inputIds = g.input(graphNames.inputIds, 'int64', ['batch', 'tokens']);
  const embedding = weights.tensor('language_model.embed_tokens.weight', [vocabSize, hiddenSize]);
  const embedded = g.Gather(embedding, g.Reshape(inputIds, g.int64([-1])));
  let hidden = withImages ? mergeImages(g, embedded, hiddenSize) : embedded;

  const logitRows = g.input(graphNames.logitRows, 'int64', ['rows']);
  const attention = attentionOf(g, config, inputIds);

  let normed = g.SimplifiedLayerNormalization(hidden, norm('layers.0.input_layernorm'), rmsNormEps);
  for (let layer = 0; layer < layers; layer++) {
    const attended = attention(weights.scope(`language_model.layers.${layer}.self_attn`), normed, layer);
    [normed, hidden] = g.SkipSimplifiedLayerNormalization(hidden, attended, norm(`layers.${layer}.post_attention_layernorm`), rmsNormEps);
    const mixed = gatedMlp(g, weights.scope(`language_model.layers.${layer}.mlp`), config, normed);
    const next = layer + 1 < layers ? `layers.${layer + 1}.input_layernorm` : 'norm';
    [normed, hidden] = g.SkipSimplifiedLayerNormalization(hidden, mixed, norm(next), rmsNormEps);
  }

  const wanted = g.Gather(normed, logitRows);
  const head = config.tiedEmbeddings ? 'language_model.embed_tokens' : 'lm_head';
  g.output(graphNames.logits, weights.linear(wanted, [head], hiddenSize, [vocabSize], false), 'float32', ['rows', vocabSize]);
}

/** Puts the row `image_index` of the features in the place of a token's embedding, where that index is not -1. */
function mergeImages(g: Operators, embedded: Value, hiddenSize: number): Value {
  const features = g.input(graphNames.imageFeatures, 'float32', ['features', hiddenSize]);
  const index = g.Reshape(g.input(graphNames.imageIndex, 'int64', ['batch', 'tokens']), g.int64([-1]));
  const isImage = g.Unsqueeze(g.GreaterOrEqual(index, g.int64(0)), [1]);
  return g.Where(isImage, g.Gather(features, index), embedded);
}

/** Grouped-query attention with rotary positions; what all layers share is made once. */
function attentionOf(g: Operators, config: TextConfig, inputIds: Value) {
  const { hiddenSize, heads, kvHeads, headDim, maxPositions } = config;
  const seqlensK = g.input(graphNames.seqlensK, 'int32', ['batch']);
  const totalSequenceLength = g.input(graphNames.totalSequenceLength, 'int32', []);
  const table = (name: string, wave: (angle: number) => number) =>
    g.initializer(name, 'float32', [maxPositions, headDim / 2], { generate: rotaryTable(config.rope, headDim, wave) });
  const cosCache = table('cos_cache', Math.cos);
  const sinCache = table('sin_cache', Math.sin);
  const batchTokensRest = g.Concat([g.Shape(inputIds), g.int64([-1])], 0);
  const cacheShape = ['batch', kvHeads, 'max_len', headDim];

  return (weights: Weights, x: Value, layer: number): Value => {
    const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
    const qkv = weights.linear(x, ['q_proj', 'k_proj', 'v_proj'], hiddenSize, widths, config.qkvBias);
    const pastKey = g.input(graphNames.pastKey(layer), 'float32', cacheShape);
    const pastValue = g.input(graphNames.pastValue(layer), 'float32', cacheShape);
    const [attended, presentKey, presentValue] = g.GroupQueryAttention(
      { qkv: g.Reshape(qkv, batchTokensRest), pastKey, pastValue, seqlensK, totalSequenceLength, cosCache, sinCache },
      { heads, kvHeads, localWindow: config.slidingWindow },
    );
    g.output(graphNames.presentKey(layer), presentKey, 'float32', cacheShape);
    g.output(graphNames.presentValue(layer), presentValue, 'float32', cacheShape);
    const flat = g.Reshape(attended, g.int64([-1, heads * headDim]));
    return weights.linear(flat, ['o_proj'], heads * headDim, [hiddenSize], config.outputBias);
  };
}

/** down(act(gate(x)) · up(x)) */
function gatedMlp(g: Operators, weights: Weights, config: TextConfig, x: Value): Value {
  const { hiddenSize, intermediateSize, mlpBias } = config;
  const gate = weights.linear(x, ['gate_proj'], hiddenSize, [intermediateSize], mlpBias);
  const up = weights.linear(x, ['up_proj'], hiddenSize, [intermediateSize], mlpBias);
  return weights.linear(g.Mul(activate(g, config.activation, gate), up), ['down_proj'], intermediateSize, [hiddenSize], mlpBias);
}
