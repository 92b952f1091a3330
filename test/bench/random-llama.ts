/** Writes a checkpoint of random weights in the shape of a Llama, so that speed can be measured at a size that matters. */
import { access, mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SeededRandom } from '../tools/random.ts';

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
export const llama135m: LlamaShape = { hidden: 576, layers: 30, heads: 9, kvHeads: 3, ffn: 1536, vocab: 49_152, maxPositions: 2048 };

/** Never generated greedily: its row of the (tied) embedding is zero. */
const endOfText = 0;

/** Writes the checkpoint unless it is there already. */
export async function writeRandomLlama(folder: string, shape: LlamaShape): Promise<void> {
  if (await exists(folder)) return;
  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.`);
  const json = (name: string, content: unknown) => writeFile(join(unfinished, name), JSON.stringify(content));
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
  await writeWeights(join(unfinished, 'model.safetensors'), shape);
  await rename(unfinished, folder).catch(async (error: unknown) => {
    await rm(unfinished, { recursive: true });
    if (!(await exists(folder))) throw error; // someone else finished first
  });
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

/** bfloat16 safetensors: 8 bytes of header length, the JSON header, then the tensors one after the other. */
async function writeWeights(path: string, shape: LlamaShape): Promise<void> {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, size] of tensors(shape)) {
    const bytes = 2 * size.reduce((product, side) => product * side, 1);
    header[name] = { dtype: 'BF16', shape: size, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const random = new SeededRandom(135);
  await using file = await open(path, 'w');
  await file.writeFile(Buffer.concat([length, text]));
  for (const [name, size] of tensors(shape)) {
    const values = new Uint16Array(size.reduce((product, side) => product * side, 1));
    if (name.endsWith('norm.weight')) values.fill(bfloat16(1));
    else for (let i = 0; i < values.length; i++) values[i] = bfloat16((random.next() - 0.5) * 0.07); // σ ≈ 0.02
    if (name.includes('embed_tokens')) values.fill(0, endOfText * shape.hidden, (endOfText + 1) * shape.hidden);
    await file.writeFile(new Uint8Array(values.buffer));
  }
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The upper half of a float32. */
function bfloat16(value: number): number {
  float[0] = value;
  return (bits[0] ?? 0) >>> 16;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
