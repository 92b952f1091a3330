/** Writes a checkpoint of random weights in the shape of a Llama, so that speed can be measured at a size that matters. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SeededRandom } from '../tools/random.ts';
import { writtenOnce } from './model/folder.ts';
import { type Bfloat16Tensor, bfloat16, writeSafetensors } from './model/safetensors.ts';

export interface LlamaShape {
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly ffn: number;
  readonly vocab: number;
  readonly maxPositions: number;
}

/** 135 M parameters: the decoder that the design's figures were measured with. */
export const llama135m: LlamaShape = { hidden: 576, layers: 30, heads: 9, kvHeads: 3, ffn: 1536, vocab: 49_152, maxPositions: 8192 };

/** Never generated greedily: its row of the (tied) embedding is zero. */
const endOfText = 0;

/** Writes the checkpoint unless it is there already. */
export async function writeRandomLlama(folder: string, shape: LlamaShape): Promise<void> {
  await writtenOnce(folder, (unfinished) => write(unfinished, shape));
}

async function write(folder: string, shape: LlamaShape): Promise<void> {
  const json = (name: string, content: unknown) => writeFile(join(folder, name), JSON.stringify(content));
  await json('config.json', {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: shape.hidden,
    intermediate_size: shape.ffn,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    vocab_size: shape.vocab,
    max_position_embeddings: shape.maxPositions,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    hidden_act: 'silu',
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    bos_token_id: endOfText,
    eos_token_id: endOfText,
  });
  const vocab = Object.fromEntries(Array.from({ length: shape.vocab }, (_, id) => [id === endOfText ? '</s>' : ` w${id}`, id]));
  await json('tokenizer.json', {
    version: '1.0',
    added_tokens: [{ id: endOfText, content: '</s>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: { type: 'BPE', unk_token: null, fuse_unk: false, byte_fallback: false, vocab, merges: [] },
  });
  await json('tokenizer_config.json', { tokenizer_class: 'PreTrainedTokenizerFast', bos_token: '</s>', eos_token: '</s>' });
  await writeSafetensors(join(folder, 'model.safetensors'), weights(shape));
}

function tensors({ hidden, layers, heads, kvHeads, ffn, vocab }: LlamaShape): [name: string, shape: number[]][] {
  const kvWidth = (hidden / heads) * kvHeads;
  const layer = (n: number): [string, number[]][] => [
    [`model.layers.${n}.input_layernorm.weight`, [hidden]],
    [`model.layers.${n}.self_attn.q_proj.weight`, [hidden, hidden]],
    [`model.layers.${n}.self_attn.k_proj.weight`, [kvWidth, hidden]],
    [`model.layers.${n}.self_attn.v_proj.weight`, [kvWidth, hidden]],
    [`model.layers.${n}.self_attn.o_proj.weight`, [hidden, hidden]],
    [`model.layers.${n}.post_attention_layernorm.weight`, [hidden]],
    [`model.layers.${n}.mlp.gate_proj.weight`, [ffn, hidden]],
    [`model.layers.${n}.mlp.up_proj.weight`, [ffn, hidden]],
    [`model.layers.${n}.mlp.down_proj.weight`, [hidden, ffn]],
  ];
  const body = Array.from({ length: layers }, (_, n) => layer(n)).flat();
  return [['model.embed_tokens.weight', [vocab, hidden]], ...body, ['model.norm.weight', [hidden]]];
}

/** Uniform, σ ≈ 0.02; norms are 1. Written in this order, since all draw from one random stream. */
function weights(shape: LlamaShape): Bfloat16Tensor[] {
  const random = new SeededRandom(135);
  return tensors(shape).map(([name, size]) => ({
    name,
    shape: size,
    values() {
      const values = new Uint16Array(size.reduce((product, side) => product * side, 1));
      if (name.endsWith('norm.weight')) values.fill(bfloat16(1));
      else for (let i = 0; i < values.length; i++) values[i] = bfloat16((random.next() - 0.5) * 0.07);
      if (name.includes('embed_tokens')) values.fill(0, endOfText * shape.hidden, (endOfText + 1) * shape.hidden);
      return values;
    },
  }));
}
