/** What transformers assumes for a field that a config file leaves out, by `model_type`. Only fields that we read. */

type Defaults = Readonly<Record<string, unknown>>;

export const llavaDefaults: Defaults = {
  image_token_index: 32000,
  projector_hidden_act: 'gelu',
  vision_feature_layer: -2,
  vision_feature_select_strategy: 'default',
  multimodal_projector_bias: true,
};

/** The tower of a llava config that has no `vision_config` at all. */
export const llavaTowerDefaults: Defaults = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: 336,
  patch_size: 14,
};

const decoder: Defaults = {
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  partial_rotary_factor: 1,
};

export const textDefaults: Readonly<Record<string, Defaults>> = {
  llama: { ...decoder, vocab_size: 32000, intermediate_size: 11008, max_position_embeddings: 2048, bos_token_id: 1, eos_token_id: 2 },
  mistral: {
    ...decoder,
    vocab_size: 32000,
    intermediate_size: 14336,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    sliding_window: 4096,
    bos_token_id: 1,
    eos_token_id: 2,
  },
  qwen2: {
    ...decoder,
    vocab_size: 151_936,
    intermediate_size: 22016,
    num_key_value_heads: 32,
    max_position_embeddings: 32_768,
    use_sliding_window: false,
  },
};

export const towerDefaults: Readonly<Record<string, Defaults>> = {
  clip_vision_model: {
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    num_channels: 3,
    image_size: 224,
    patch_size: 32,
    hidden_act: 'quick_gelu',
    layer_norm_eps: 1e-5,
  },
  siglip_vision_model: {
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    num_channels: 3,
    image_size: 224,
    patch_size: 16,
    hidden_act: 'gelu_pytorch_tanh',
    layer_norm_eps: 1e-6,
  },
};
