import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { Checkpoint } from '../../../inference/compile/checkpoint.ts';
import { readCheckpointConfig } from '../../../inference/compile/config.ts';
import { loadTokenizer } from '../../../inference/text/tokenizer.ts';
import { float16 } from './ggml-blocks.ts';
import { type GgufTensor, readGguf, writeGguf } from './gguf.ts';
import type { GgufEntry } from './gguf-bytes.ts';
import { ofBfloat16 } from './safetensors.ts';
import { convertSmolLm2, filesIn } from './smollm2.ts';

const width = 32;
const heads = 2;
const tokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', 'a', 'b', 'ab', 'Ġ'];

const number = (value: number): GgufEntry => ({ type: 4, value });
const metadata = new Map<string, GgufEntry>([
  ['general.file_type', number(3)],
  ['llama.block_count', number(1)],
  ['llama.context_length', number(64)],
  ['llama.embedding_length', number(width)],
  ['llama.feed_forward_length', number(width)],
  ['llama.attention.head_count', number(heads)],
  ['llama.attention.head_count_kv', number(heads)],
  ['llama.rope.freq_base', { type: 6, value: 100_000 }],
  ['llama.vocab_size', number(tokens.length)],
  ['tokenizer.ggml.tokens', { type: 9, of: 8, value: tokens }],
  ['tokenizer.ggml.token_type', { type: 9, of: 5, value: tokens.map((_, id) => (id < 3 ? 3 : 1)) }],
  ['tokenizer.ggml.merges', { type: 9, of: 8, value: ['a b'] }],
  ['tokenizer.ggml.bos_token_id', number(1)],
  ['tokenizer.ggml.eos_token_id', number(2)],
  ['tokenizer.ggml.unknown_token_id', number(0)],
  ['tokenizer.ggml.padding_token_id', number(2)],
  ['tokenizer.chat_template', { type: 8, value: '{{ messages[0].content }}' }],
]);

/** Each row is `row` in all places. */
function rows(name: string, count: number): GgufTensor {
  const data = new Uint8Array(count * 20);
  const view = new DataView(data.buffer);
  for (let row = 0; row < count; row++) view.setUint16(row * 20 + 2, float16(row), true);
  return { name, shape: [width, count], type: 'Q4_1', data };
}

const ones = (name: string): GgufTensor => ({
  name,
  shape: [width],
  type: 'F32',
  data: new Uint8Array(new Float32Array(width).fill(1).buffer),
});

const layer = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map((name) =>
  rows(`blk.0.${name}.weight`, width),
);
const norms = ['blk.0.attn_norm.weight', 'blk.0.ffn_norm.weight', 'output_norm.weight'].map(ones);
const tensors = [rows('token_embd.weight', tokens.length), ...layer, ...norms];

t.test('a GGUF file becomes a checkpoint that the compiler and the tokeniser read', async (t) => {
  const folder = t.testdir();
  const files = filesIn(folder);
  await mkdir(files.checkpoint);
  const source = join(folder, 'source.gguf');
  await writeFile(source, Buffer.concat(writeGguf({ metadata, tensors })));
  await convertSmolLm2(source, files);

  const { text, eosTokenIds } = await readCheckpointConfig(files.checkpoint);
  t.match(text, { hiddenSize: width, layers: 1, heads, vocabSize: tokens.length, tiedEmbeddings: true });
  t.strictSame([...eosTokenIds], [2]);
  const tokenizer = await loadTokenizer(files.checkpoint);
  t.strictSame(tokenizer.encode('<|im_start|>ab a', { special: true }), [1, 5, 6, 3]);

  const checkpoint = await Checkpoint.open(files.checkpoint);
  const bytes = await readFile(join(files.checkpoint, 'model.safetensors'));
  const firstOfRows = (name: string) => {
    const { offset } = checkpoint.tensor(name, [width, width]);
    return Array.from({ length: width }, (_, row) => ofBfloat16(bytes.readUInt16LE(offset + 2 * width * row)));
  };
  t.strictSame(
    firstOfRows('language_model.layers.0.self_attn.v_proj.weight'),
    Array.from({ length: width }, (_, row) => row),
  );
  const evenThenOdd = (start: number) => [0, 1].flatMap((odd) => Array.from({ length: 8 }, (_, i) => start + 2 * i + odd));
  t.strictSame(firstOfRows('language_model.layers.0.self_attn.q_proj.weight'), [...evenThenOdd(0), ...evenThenOdd(16)]);

  const fourBit = readGguf(await readFile(files.gguf));
  t.equal(fourBit.metadata.get('general.file_type')?.value, 2);
  t.equal(fourBit.tensors.find(({ name }) => name === 'blk.0.ffn_up.weight')?.type, 'Q4_0');
  t.equal(fourBit.tensors.find(({ name }) => name === 'output_norm.weight')?.type, 'F32');
});
