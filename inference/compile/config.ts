/** Reads `config.json` of a checkpoint, of transformers 4 or 5, into our own terms; what we cannot compute is refused by name. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CheckpointError } from '../errors.ts';
import { readJsonObject } from '../json-file.ts';
import { activations } from '../models/activations.ts';
import type { CheckpointConfig, RopeConfig, TextConfig, TowerConfig, VisionConfig } from '../models/config.ts';
import { llavaDefaults, llavaTowerDefaults, textDefaults, towerDefaults } from './config-defaults.ts';
import { ConfigFields } from './config-fields.ts';

const CONFIG = 'config.json';
const GENERATION = 'generation_config.json';
const architectures = new Set(['LlavaForConditionalGeneration', 'LlamaForCausalLM', 'MistralForCausalLM', 'Qwen2ForCausalLM']);

/**
 * @param folder a Hugging Face checkpoint
 * @throws CheckpointError if there is no config.json, or it asks for an architecture or option that is not supported
 */
export async function readCheckpointConfig(folder: string): Promise<CheckpointConfig> {
  const json = await readJsonObject(folder, CONFIG);
  if (!json) throw new CheckpointError(`${folder}: ${CONFIG} is missing; expected a Hugging Face checkpoint folder`);
  const generation = (await readJsonObject(folder, GENERATION)) ?? {};
  const modelType = json['model_type'];
  const isLlava = modelType === 'llava';
  const root = new ConfigFields(join(folder, CONFIG), '', json, isLlava ? llavaDefaults : {});
  if (!isLlava && !(typeof modelType === 'string' && Object.hasOwn(textDefaults, modelType))) {
    throw root.refusal('model_type', `one of llava, ${Object.keys(textDefaults).join(', ')}`);
  }
  for (const name of root.list('architectures')) {
    if (!architectures.has(name)) throw root.refusal('architectures', `one of ${[...architectures].join(', ')}`);
  }
  if (root.has('quantization_config')) throw root.refusal('quantization_config', 'weights in F32, F16 or BF16 (quantize when compiling)');
  const text = isLlava ? root.nested('text_config', {}) : root;
  const textConfig = readText(text, isLlava && root.flag('tie_word_embeddings'));
  const sources = [new ConfigFields(join(folder, GENERATION), '', generation, {}), root, withTextDefaults(text)];
  const tokenIds = (name: string) => sources.find((source) => source.has(name))?.ids(name) ?? [];
  return {
    text: textConfig,
    vision: isLlava ? readVision(root, textConfig) : null,
    bosTokenId: tokenIds('bos_token_id')[0] ?? null,
    padTokenId: tokenIds('pad_token_id')[0] ?? null,
    eosTokenIds: tokenIds('eos_token_id'),
  };
}

/** @throws CheckpointError if the section's model_type is no decoder that we know */
function withTextDefaults(text: ConfigFields): ConfigFields {
  return text.withDefaults(textDefaults[text.key('model_type', textDefaults, 'llama')] ?? {});
}

function readText(text: ConfigFields, tiedAbove: boolean): TextConfig {
  const modelType = text.key('model_type', textDefaults, 'llama');
  const fields = withTextDefaults(text);
  const hiddenSize = fields.size('hidden_size');
  const heads = fields.size('num_attention_heads');
  const kvHeads = fields.has('num_key_value_heads') ? fields.size('num_key_value_heads') : heads;
  const headDim = fields.has('head_dim') ? fields.size('head_dim') : hiddenSize / heads;
  if (heads % kvHeads !== 0) throw fields.refusal('num_key_value_heads', `a divisor of the ${heads} attention heads`);
  if (!Number.isInteger(headDim) || headDim % 16 !== 0) {
    throw fields.error(`a head size of ${headDim} is not supported, expected a multiple of 16`);
  }
  const maxPositions = fields.size('max_position_embeddings');
  // Qwen2 windows some layers only, and no published checkpoint of it does.
  if (modelType === 'qwen2' && fields.flag('use_sliding_window')) throw fields.refusal('use_sliding_window', 'false');
  return {
    vocabSize: fields.size('vocab_size'),
    hiddenSize,
    intermediateSize: fields.size('intermediate_size'),
    layers: fields.size('num_hidden_layers'),
    heads,
    kvHeads,
    headDim,
    maxPositions,
    rmsNormEps: fields.positive('rms_norm_eps'),
    activation: fields.key('hidden_act', activations),
    rope: readRope(fields, maxPositions),
    slidingWindow: fields.has('sliding_window') ? fields.size('sliding_window') : null,
    tiedEmbeddings: tiedAbove || fields.flag('tie_word_embeddings'),
    qkvBias: modelType === 'qwen2' || fields.flag('attention_bias'),
    outputBias: fields.flag('attention_bias'),
    mlpBias: fields.flag('mlp_bias'),
  };
}

/** `rope_parameters` (transformers 5), or `rope_theta` with `rope_scaling` (4); a file that has both must mean the same by them. */
function readRope(fields: ConfigFields, maxPositions: number): RopeConfig {
  const names = ['rope_parameters', 'rope_scaling'].filter((name) => Object.keys(fields.section(name)).length > 0);
  const [first = 'rope_scaling', second] = names;
  const rope = readRopeSection(fields, first, fields.positive('rope_theta'), maxPositions);
  if (second !== undefined && !isDeepStrictEqual(readRopeSection(fields, second, rope.theta, maxPositions), rope)) {
    throw fields.refusal(second, `the same as in ${first}`);
  }
  return rope;
}

function readRopeSection(fields: ConfigFields, name: string, thetaByDefault: number, maxPositions: number): RopeConfig {
  const rope = fields.nested(name, {
    rope_theta: thetaByDefault,
    rope_type: fields.section(name)['type'] ?? 'default',
    original_max_position_embeddings: maxPositions,
    partial_rotary_factor: fields.positive('partial_rotary_factor'),
  });
  if (rope.positive('partial_rotary_factor') !== 1) throw rope.refusal('partial_rotary_factor', '1');
  const theta = rope.positive('rope_theta');
  switch (rope.value('rope_type')) {
    case 'default':
      return { type: 'default', theta };
    case 'linear':
      return { type: 'linear', theta, factor: rope.positive('factor') };
    case 'llama3':
      return {
        type: 'llama3',
        theta,
        factor: rope.positive('factor'),
        lowFreqFactor: rope.positive('low_freq_factor'),
        highFreqFactor: rope.positive('high_freq_factor'),
        originalMaxPositions: rope.size('original_max_position_embeddings'),
      };
    default:
      throw rope.refusal('rope_type', 'one of default, linear, llama3');
  }
}

function readVision(root: ConfigFields, text: TextConfig): VisionConfig {
  const layer = root.integer('vision_feature_layer');
  const strategy = root.value('vision_feature_select_strategy');
  if (strategy !== 'default' && strategy !== 'full') throw root.refusal('vision_feature_select_strategy', 'default or full');
  const imageTokenId = root.integer(root.has('image_token_id') ? 'image_token_id' : 'image_token_index');
  if (imageTokenId < 0 || imageTokenId >= text.vocabSize)
    throw root.refusal('image_token_index', `an id below the vocabulary's size ${text.vocabSize}`);
  return {
    tower: readTower(root, layer),
    dropFirstPosition: strategy === 'default',
    projectorActivation: root.key('projector_hidden_act', activations),
    projectorBias: root.flag('multimodal_projector_bias'),
    imageTokenId,
  };
}

function readTower(root: ConfigFields, featureLayer: number): TowerConfig {
  const section = root.nested('vision_config', {});
  const modelType = section.key('model_type', towerDefaults, 'clip_vision_model');
  const defaults = towerDefaults[modelType];
  const fields = section.withDefaults(root.has('vision_config') ? { ...defaults } : { ...defaults, ...llavaTowerDefaults });
  if (fields.size('num_channels') !== 3) throw fields.refusal('num_channels', '3');
  const layers = fields.size('num_hidden_layers');
  // Hidden state 0 is the embedding, n the output of layer n; a negative number counts from the last.
  const wanted = featureLayer < 0 ? layers + 1 + featureLayer : featureLayer;
  if (wanted < 0 || wanted > layers) throw root.refusal('vision_feature_layer', `a hidden state of a tower of ${layers} layers`);
  const hiddenSize = fields.size('hidden_size');
  const heads = fields.size('num_attention_heads');
  if (hiddenSize % heads !== 0) throw fields.refusal('num_attention_heads', `a divisor of hidden_size ${hiddenSize}`);
  return {
    family: modelType === 'siglip_vision_model' ? 'siglip' : 'clip',
    hiddenSize,
    intermediateSize: fields.size('intermediate_size'),
    layers: wanted,
    heads,
    imageSize: fields.size('image_size'),
    patchSize: fields.size('patch_size'),
    activation: fields.key('hidden_act', activations),
    layerNormEps: fields.positive('layer_norm_eps'),
  };
}
