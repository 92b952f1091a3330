/** SmolLM2-135M-Instruct out of a GGUF file: a checkpoint folder as Hugging Face has it, and a GGUF file at 4 bits of the same weights. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dequantised, quantisedQ4 } from './ggml-blocks.ts';
import { type Gguf, type GgufTensor, readGguf, writeGguf } from './gguf.ts';
import type { GgufValue } from './gguf-bytes.ts';
import { type Bfloat16Tensor, bfloat16, ofBfloat16, writeSafetensors } from './safetensors.ts';

/** What all servers of a comparison are given. */
export interface SmolLm2Files {
  /** Hugging Face checkpoint, bfloat16. */
  readonly checkpoint: string;
  /** Linear layers Q4_0, the embedding, which is also the head, Q8_0: what llama.cpp's own quantiser makes of this model. */
  readonly gguf: string;
}

export const filesIn = (folder: string): SmolLm2Files => ({
  checkpoint: join(folder, 'checkpoint'),
  gguf: join(folder, 'smollm2-135m-q4_0.gguf'),
});

const controlToken = 3;

/** Head of a `key` of the metadata. @throws Error if it is not there */
function reading({ metadata }: Gguf) {
  return (key: string): GgufValue => {
    const entry = metadata.get(key);
    if (entry === undefined) throw new Error(`The GGUF file has no ${key}.`);
    return entry.value;
  };
}

/** Reads `source` and writes the checkpoint's files into `checkpoint` (a folder that exists) and the 4-bit file to `gguf`. */
export async function convertSmolLm2(source: string, { checkpoint, gguf }: SmolLm2Files): Promise<void> {
  const file = readGguf(await readFile(source));
  const json = (name: string, content: unknown) => writeFile(join(checkpoint, name), JSON.stringify(content));
  await json('config.json', configOf(file));
  await json('generation_config.json', specialIds(file));
  await json('tokenizer.json', tokenizerOf(file));
  await json('tokenizer_config.json', tokenizerConfigOf(file));
  await writeSafetensors(join(checkpoint, 'model.safetensors'), checkpointTensors(file));
  await writeFile(gguf, writeGguf({ metadata: fourBitMetadata(file), tensors: file.tensors.map(fourBit) }));
}

function specialIds(file: Gguf) {
  const value = reading(file);
  const [bos, eos, pad] = ['bos', 'eos', 'padding'].map((name) => value(`tokenizer.ggml.${name}_token_id`));
  return { bos_token_id: bos, eos_token_id: eos, pad_token_id: pad };
}

function configOf(file: Gguf) {
  const value = reading(file);
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: value('llama.embedding_length'),
    intermediate_size: value('llama.feed_forward_length'),
    num_hidden_layers: value('llama.block_count'),
    num_attention_heads: value('llama.attention.head_count'),
    num_key_value_heads: value('llama.attention.head_count_kv'),
    vocab_size: value('llama.vocab_size'),
    max_position_embeddings: value('llama.context_length'),
    rms_norm_eps: 1e-5,
    rope_theta: value('llama.rope.freq_base'),
    hidden_act: 'silu',
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    ...specialIds(file),
  };
}

/** As the model's repository has it: digits one by one, then bytes by GPT-2's expression. */
function tokenizerOf(file: Gguf) {
  const value = reading(file);
  const tokens = value('tokenizer.ggml.tokens') as readonly string[];
  const kinds = value('tokenizer.ggml.token_type') as readonly number[];
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: tokens.flatMap((content, id) => (kinds[id] === controlToken ? [{ id, content, ...special }] : [])),
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, bytes] },
    post_processor: null,
    decoder: { ...bytes, add_prefix_space: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: value('tokenizer.ggml.merges'),
    },
  };
}

function tokenizerConfigOf(file: Gguf) {
  const value = reading(file);
  const tokens = value('tokenizer.ggml.tokens') as readonly string[];
  const token = (name: string) => tokens[Number(value(`tokenizer.ggml.${name}_token_id`))];
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: token('bos'),
    eos_token: token('eos'),
    unk_token: token('unknown'),
    pad_token: token('padding'),
    clean_up_tokenization_spaces: false,
    model_max_length: value('llama.context_length'),
    chat_template: value('tokenizer.chat_template'),
  };
}

/** A GGUF name without its layer, and the name in the checkpoint. */
const names: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'attn_norm.weight': 'input_layernorm.weight',
  'attn_q.weight': 'self_attn.q_proj.weight',
  'attn_k.weight': 'self_attn.k_proj.weight',
  'attn_v.weight': 'self_attn.v_proj.weight',
  'attn_output.weight': 'self_attn.o_proj.weight',
  'ffn_norm.weight': 'post_attention_layernorm.weight',
  'ffn_gate.weight': 'mlp.gate_proj.weight',
  'ffn_up.weight': 'mlp.up_proj.weight',
  'ffn_down.weight': 'mlp.down_proj.weight',
};

function checkpointTensors(file: Gguf): Bfloat16Tensor[] {
  const value = reading(file);
  const heads: Readonly<Record<string, number>> = {
    'attn_q.weight': Number(value('llama.attention.head_count')),
    'attn_k.weight': Number(value('llama.attention.head_count_kv')),
  };
  return file.tensors.map((tensor) => {
    const [, layer, inLayer] = /^blk\.(\d+)\.(.+)$/.exec(tensor.name) ?? [];
    const short = inLayer ?? tensor.name;
    const name = names[short];
    if (name === undefined) throw new Error(`The GGUF file has a tensor ${tensor.name}, which no Llama has.`);
    return {
      name: layer === undefined ? name : `model.layers.${layer}.${name}`,
      shape: [...tensor.shape].reverse(),
      values() {
        const weights = Uint16Array.from(dequantised(tensor), bfloat16);
        const parts = heads[short];
        return parts === undefined ? weights : halvesApart(weights, tensor.shape[0] ?? 0, parts);
      },
    };
  });
}

/**
 * In GGUF the two halves of a head that rotary embedding turns together lie in alternate rows; in a checkpoint one after the other.
 * @see llama.cpp's conversion/llama.py, `permute`, of which this is the inverse
 */
function halvesApart(weights: Uint16Array<ArrayBuffer>, columns: number, heads: number): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(weights.length);
  const headRows = weights.length / columns / heads;
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < headRows; row++) {
      const from = (head * headRows + row) * columns;
      const to = head * headRows + (row % 2) * (headRows / 2) + (row >> 1);
      out.set(weights.subarray(from, from + columns), to * columns);
    }
  }
  return out;
}

/** From the values of the checkpoint, so that both files hold the same weights before they are quantised. */
function fourBit(tensor: GgufTensor): GgufTensor {
  if (tensor.type !== 'Q4_1') return tensor;
  const values = dequantised(tensor).map((value) => ofBfloat16(bfloat16(value)));
  return { ...tensor, type: 'Q4_0', data: quantisedQ4(values) };
}

/** llama.cpp's number of "mostly Q4_0". */
const mostlyQ4 = 2;

function fourBitMetadata({ metadata }: Gguf): Gguf['metadata'] {
  const type = metadata.get('general.file_type');
  return type === undefined ? metadata : new Map([...metadata, ['general.file_type', { ...type, value: mostlyQ4 }]]);
}
