/** config.json of transformers 4 and 5 is read with the defaults of its model types; what cannot be computed is refused by name. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readCheckpointConfig } from '../../../inference/compile/config.ts';
import { CheckpointError } from '../../../inference/errors.ts';
import { tokensPerImage } from '../../../inference/models/config.ts';
import { checkpointFolder, temporaryFolder } from '../references.ts';

async function read(t: Test, config: unknown, generation?: unknown) {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  if (generation) await writeFile(join(folder, 'generation_config.json'), JSON.stringify(generation));
  return readCheckpointConfig(folder);
}

/** The file that is published with FireLLaVA-13b, which leaves out what equals the defaults. */
const fireLlava = {
  architectures: ['LlavaForConditionalGeneration'],
  ignore_index: -100,
  image_token_index: 32000,
  model_type: 'llava',
  pad_token_id: 32001,
  projector_hidden_act: 'gelu',
  text_config: {
    architectures: ['LlamaForCausalLM'],
    hidden_size: 5120,
    intermediate_size: 13824,
    max_position_embeddings: 4096,
    model_type: 'llama',
    num_attention_heads: 40,
    num_hidden_layers: 40,
    num_key_value_heads: 40,
    rms_norm_eps: 1e-5,
    torch_dtype: 'float16',
    vocab_size: 32064,
  },
  torch_dtype: 'float16',
  vision_config: {
    hidden_size: 1024,
    image_size: 336,
    intermediate_size: 4096,
    model_type: 'clip_vision_model',
    num_attention_heads: 16,
    num_hidden_layers: 24,
    patch_size: 14,
    projection_dim: 768,
    vocab_size: 32000,
  },
  vision_feature_layer: -2,
  vision_feature_select_strategy: 'default',
};

t.test('FireLLaVA-13b', async (t) => {
  const config = await read(t, fireLlava);
  t.match(config.text, {
    headDim: 128,
    rope: { type: 'default', theta: 10_000 },
    activation: 'silu',
    tiedEmbeddings: false,
    qkvBias: false,
    slidingWindow: null,
  });
  t.match(config.vision, { dropFirstPosition: true, projectorActivation: 'gelu', projectorBias: true, imageTokenId: 32000 });
  t.match(config.vision?.tower, { layers: 23, activation: 'quick_gelu', layerNormEps: 1e-5 }, 'the layer after the features is left out');
  t.equal(tokensPerImage(config.vision!), 576);
  t.same([config.bosTokenId, config.padTokenId, config.eosTokenIds], [1, 32001, [2]]);
});

t.test('a llava config that says next to nothing is LLaVA-1.5-7b', async (t) => {
  const { text, vision } = await read(t, { model_type: 'llava', text_config: { vocab_size: 32064 } });
  t.match(text, {
    vocabSize: 32064,
    hiddenSize: 4096,
    intermediateSize: 11008,
    layers: 32,
    kvHeads: 32,
    maxPositions: 2048,
    rmsNormEps: 1e-6,
  });
  t.match(vision?.tower, { hiddenSize: 1024, intermediateSize: 4096, layers: 23, heads: 16, imageSize: 336, patchSize: 14 });
});

t.test('a vision_config that is there takes the defaults of CLIP, not of LLaVA', async (t) => {
  const { vision } = await read(t, { model_type: 'llava', image_token_index: 9, vision_config: { model_type: 'clip_vision_model' } });
  t.match(vision?.tower, { hiddenSize: 768, layers: 11, heads: 12, imageSize: 224, patchSize: 32 });
  t.equal(tokensPerImage(vision!), 49);
});

t.test('rotary settings of transformers 4 and 5 mean the same', async (t) => {
  const scaling = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
  const four = await read(t, { model_type: 'llama', rope_theta: 500_000, rope_scaling: scaling });
  const five = await read(t, { model_type: 'llama', rope_parameters: { rope_theta: 500_000, ...scaling } });
  t.same(four.text.rope, five.text.rope);
  t.same(four.text.rope, { type: 'llama3', theta: 500_000, factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 });
  const old = await read(t, { model_type: 'llama', rope_scaling: { type: 'linear', factor: 2 } });
  t.same(old.text.rope, { type: 'linear', theta: 10_000, factor: 2 }, 'before "rope_type" it was called "type"');
  const both = { rope_parameters: { rope_theta: 500_000, ...scaling }, rope_scaling: scaling };
  t.same((await read(t, { model_type: 'llama', ...both })).text.rope, five.text.rope, 'said twice');
  t.same((await read(t, { model_type: 'llama', ...both, rope_scaling: {} })).text.rope, five.text.rope, 'an empty one says nothing');
});

t.test('text-only checkpoints have no vision', async (t) => {
  const mistral = await read(t, { model_type: 'mistral' });
  t.equal(mistral.vision, null);
  t.match(mistral.text, { kvHeads: 8, slidingWindow: 4096, maxPositions: 131_072 });
  t.equal((await read(t, { model_type: 'mistral', sliding_window: null })).text.slidingWindow, null);
  t.match((await read(t, { model_type: 'qwen2' })).text, { qkvBias: true, outputBias: false, slidingWindow: null, kvHeads: 32 });
});

t.test('ids that end a turn: generation_config.json before config.json before text_config', async (t) => {
  const text_config = { model_type: 'llama', vocab_size: 32064, eos_token_id: 5 };
  t.same((await read(t, { model_type: 'llava', text_config }, { eos_token_id: [7, 8] })).eosTokenIds, [7, 8]);
  t.same((await read(t, { model_type: 'llava', text_config, eos_token_id: 6 })).eosTokenIds, [6]);
  t.same((await read(t, { model_type: 'llava', text_config })).eosTokenIds, [5]);
});

t.test('tied embeddings may be noted at the top or in text_config', async (t) => {
  t.equal((await readCheckpointConfig(checkpointFolder('gqa-tied'))).text.tiedEmbeddings, true);
  t.equal(
    (await read(t, { model_type: 'llava', image_token_index: 9, text_config: { tie_word_embeddings: true } })).text.tiedEmbeddings,
    true,
  );
  t.equal((await read(t, { model_type: 'llava', image_token_index: 9, tie_word_embeddings: true })).text.tiedEmbeddings, true);
});

t.test('what is not supported is refused by name', async (t) => {
  const llava = (changes: object) => ({ ...fireLlava, ...changes });
  const refusals: readonly [config: object, message: string][] = [
    [{ model_type: 'idefics3' }, 'model_type "idefics3" is not supported, expected one of llava, llama, mistral, qwen2'],
    [{}, 'model_type is missing'],
    [
      { model_type: 'llama', architectures: ['LlamaForSequenceClassification'] },
      'architectures ["LlamaForSequenceClassification"] is not supported',
    ],
    [llava({ text_config: { model_type: 'phi3' } }), 'text_config.model_type "phi3" is not supported'],
    [
      llava({ vision_config: { model_type: 'pixtral' } }),
      'vision_config.model_type "pixtral" is not supported, expected one of clip_vision_model, siglip_vision_model',
    ],
    [llava({ vision_feature_layer: [-2, -5] }), 'vision_feature_layer [-2,-5] is not supported, expected an integer'],
    [llava({ vision_feature_layer: -30 }), 'vision_feature_layer -30 is not supported, expected a hidden state of a tower of 24 layers'],
    [llava({ vision_feature_select_strategy: 'cls' }), 'vision_feature_select_strategy "cls" is not supported, expected default or full'],
    [llava({ projector_hidden_act: 'mish' }), 'projector_hidden_act "mish" is not supported, expected one of silu,'],
    [llava({ image_token_index: 40_000 }), 'image_token_index 40000 is not supported, expected an id below'],
    [llava({ quantization_config: { quant_method: 'awq' } }), 'quantization_config {"quant_method":"awq"} is not supported'],
    [
      { model_type: 'llama', rope_scaling: { rope_type: 'yarn', factor: 4 } },
      'rope_scaling.rope_type "yarn" is not supported, expected one of default, linear, llama3',
    ],
    [{ model_type: 'llama', rope_parameters: { rope_type: 'linear' } }, 'rope_parameters.factor is missing'],
    [
      llava({ text_config: { rope_parameters: { rope_type: 'default' }, rope_scaling: { rope_type: 'zorp', factor: 2 } } }),
      'text_config.rope_scaling.rope_type "zorp" is not supported, expected one of default, linear, llama3',
    ],
    [
      { model_type: 'llama', rope_parameters: { rope_type: 'default' }, rope_scaling: { type: 'linear', factor: 2 } },
      'rope_scaling {"type":"linear","factor":2} is not supported, expected the same as in rope_parameters',
    ],
    [{ model_type: 'llama', hidden_size: 4000 }, 'a head size of 125 is not supported, expected a multiple of 16'],
    [
      { model_type: 'llama', num_key_value_heads: 5 },
      'num_key_value_heads 5 is not supported, expected a divisor of the 32 attention heads',
    ],
    [{ model_type: 'llama', num_hidden_layers: '32' }, 'num_hidden_layers "32" is not supported, expected a positive integer'],
    [{ model_type: 'qwen2', use_sliding_window: true }, 'use_sliding_window true is not supported, expected false'],
  ];
  for (const [config, message] of refusals) {
    const error = await read(t, config).catch((error) => error);
    t.type(error, CheckpointError, message);
    t.match(error.message, `config.json: ${message}`);
  }
});
