import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { Checkpoint } from '../../inference/compile/checkpoint.ts';
import { readCheckpointConfig } from '../../inference/compile/config.ts';
import { loadTokenizer } from '../../inference/text/tokenizer.ts';
import { writeRandomLlama } from './random-llama.ts';

const shape = { hidden: 64, layers: 2, heads: 4, kvHeads: 2, ffn: 96, vocab: 300, maxPositions: 128 };

t.test('the random checkpoint is one that the compiler and the tokeniser read', async (t) => {
  const folder = join(t.testdir(), 'llama');
  await writeRandomLlama(folder, shape);
  const { text, eosTokenIds } = await readCheckpointConfig(folder);
  t.match(text, {
    hiddenSize: 64,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    intermediateSize: 96,
    vocabSize: 300,
    tiedEmbeddings: true,
  });
  t.strictSame([...eosTokenIds], [0]);
  const checkpoint = await Checkpoint.open(folder);
  const { offset } = checkpoint.tensor('language_model.embed_tokens.weight', [300, 64]);
  const bytes = await readFile(join(folder, 'model.safetensors'));
  t.ok(
    bytes.subarray(offset, offset + 128).every((byte) => byte === 0),
    'the end of text is never the likeliest token',
  );
  t.equal(checkpoint.tensor('language_model.layers.1.mlp.down_proj.weight', [64, 96]).elements, 64 * 96);
  t.equal((await loadTokenizer(folder)).decode([5, 7]), ' w5 w7');
});

t.test('a second writing keeps what is there and leaves nothing half made', async (t) => {
  const folder = join(t.testdir(), 'llama');
  await Promise.all([writeRandomLlama(folder, shape), writeRandomLlama(folder, shape)]);
  await writeRandomLlama(folder, shape);
  t.strictSame(await readdir(join(folder, '..')), ['llama']);
});
