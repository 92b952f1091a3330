/** Quantised weights are near the float ones, row by row and through the whole model. */
import fc from 'fast-check';
import t from 'tap';
import { compileCheckpoint } from '../../../inference/compile/compile.ts';
import { readCheckpointConfig } from '../../../inference/compile/config.ts';
import { EncoderPool } from '../../../inference/compile/encoder-pool.ts';
import { encodingOf, resolveQuantization } from '../../../inference/compile/quantisation.ts';
import { encodeRows } from '../../../inference/compile/row-encoder.ts';
import { createSessionRunner } from '../../../inference/engine/session-runner.ts';
import { checkpointFolder, readReference, temporaryFolder } from '../references.ts';

const BLOCK = 32;

function bytesOf(array: Float32Array | Uint16Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}

/** The weights that MatMulNBits multiplies by: (level - zero point) · scale. */
function decode(packed: Uint8Array, scales: Uint8Array, rows: number, columns: number, bits: 4 | 8): Float32Array {
  const scale = new Float32Array(scales.slice().buffer);
  const blocks = Math.ceil(columns / BLOCK);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const at = row * blocks * BLOCK + column;
    const level = bits === 8 ? packed[at]! - 128 : ((packed[at >> 1]! >> (at % 2 ? 4 : 0)) & 15) - 8;
    return level * scale[row * blocks + Math.floor(column / BLOCK)]!;
  });
}

t.test('every weight is within a step of its block', async () => {
  const weight = fc.float({ noNaN: true, min: -8, max: 8 });
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 70 }))
    .chain(([rows, columns]) => fc.tuple(fc.constant(columns), fc.array(weight, { minLength: rows * columns, maxLength: rows * columns })));
  fc.assert(
    fc.property(matrix, fc.constantFrom(4 as const, 8 as const), ([columns, list], bits) => {
      const weights = Float32Array.from(list);
      const rows = weights.length / columns;
      const [packed, scales] = encodeRows(bytesOf(weights.slice()), 'F32', columns, { kind: 'blocks', bits, block: BLOCK });
      const decoded = decode(packed!, scales!, rows, columns, bits);
      for (const [i, value] of weights.entries()) {
        const start = Math.floor(i / columns) * columns + Math.floor((i % columns) / BLOCK) * BLOCK;
        const end = Math.min(start + BLOCK, (Math.floor(i / columns) + 1) * columns);
        const largest = Math.max(...weights.slice(start, end).map(Math.abs));
        // Half a step for rounding in int8; in int4 the far side of the extreme weight has one level less.
        const bound = bits === 8 ? (largest / 127) * 0.51 : (largest / 8) * 1.5;
        if (!(Math.abs(decoded[i]! - value) <= bound + 1e-7)) return false;
      }
      return true;
    }),
  );
});

t.test('half precision and bfloat16 are read exactly', async (t) => {
  const float32 = { kind: 'float32' } as const;
  const read = (bits: number[], dtype: 'F16' | 'BF16') =>
    new Float32Array(encodeRows(bytesOf(Uint16Array.from(bits)), dtype, 1, float32)[0]!.slice().buffer);
  t.same([...read([0x3c00, 0xc000, 0x0001, 0x8000, 0x7bff, 0x3555], 'F16')], [1, -2, 2 ** -24, -0, 65504, Math.fround(0x555 / 0x1000)]);
  t.same([...read([0x7c00, 0xfc00, 0x7e00], 'F16')], [Infinity, -Infinity, NaN]);
  t.same([...read([0x3f80, 0xc040, 0x0080], 'BF16')], [1, -3, 2 ** -126]);
});

t.test('threads give what the encoder gives', async (t) => {
  const pool = new EncoderPool(2 ** 30);
  t.ok(pool.concurrency > 1);
  const weights = Float32Array.from({ length: 64 * 100 }, (_, i) => Math.sin(i) * (1 + (i % 7)));
  const encoding = { kind: 'blocks', bits: 4, block: BLOCK } as const;
  const expected = encodeRows(bytesOf(weights.slice()), 'F32', 100, encoding);
  const results = await Promise.all(Array.from({ length: 5 }, () => pool.encode(bytesOf(weights.slice()), 'F32', 100, encoding)));
  for (const parts of results) t.same(parts, expected);
  const pending = pool.encode(bytesOf(weights.slice()), 'F32', 100, encoding);
  const refused = t.rejects(pending, { message: 'the encoder pool was closed' });
  await pool.close();
  await refused;
  await t.rejects(pool.encode(bytesOf(weights.slice()), 'F32', 100, encoding), { message: 'the encoder pool was closed' });
});

t.test('the table leaves embeddings, tower, projector and small layers alone', async (t) => {
  const float32 = { kind: 'float32' };
  t.same(encodingOf('language_model.layers.0.mlp.up_proj', 64, 96, 'none'), float32);
  t.same(encodingOf('language_model.layers.0.mlp.up_proj', 64, 96, 'int4'), { kind: 'blocks', bits: 4, block: 32 });
  t.same(encodingOf('language_model.layers.0.mlp.up_proj', 64, 96, 'int8'), { kind: 'blocks', bits: 8, block: 32 });
  t.same(encodingOf('lm_head', 64, 500, 'int4'), { kind: 'blocks', bits: 8, block: 32 });
  for (const layer of ['vision_tower.encoder.layers.0.mlp.fc1', 'multi_modal_projector.linear_1']) {
    t.same(encodingOf(layer, 1024, 4096, 'int4'), float32);
  }
  t.same(encodingOf('language_model.layers.0.mlp.up_proj', 16, 16, 'int4'), float32);
});

t.test('"auto" goes by the size of the decoder', async (t) => {
  const { text } = await readCheckpointConfig(checkpointFolder('gqa-tied'));
  t.equal(resolveQuantization('auto', text), 'none');
  t.equal(
    resolveQuantization('auto', {
      ...text,
      hiddenSize: 576,
      intermediateSize: 1536,
      layers: 30,
      heads: 9,
      kvHeads: 3,
      headDim: 64,
      vocabSize: 49152,
    }),
    'int8',
  );
  t.equal(
    resolveQuantization('auto', { ...text, hiddenSize: 4096, intermediateSize: 11008, layers: 32, heads: 32, kvHeads: 32, headDim: 128 }),
    'int4',
  );
  t.equal(resolveQuantization('int4', text), 'int4');
});

/** Mean over positions of KL(reference ‖ quantised), in nats, and the share of equal greedy tokens. */
async function divergence(t: Parameters<typeof temporaryFolder>[0], name: string, quantization: 'int8' | 'int4') {
  const { checkpoint, prompts } = await readReference(name);
  const compiled = await compileCheckpoint(checkpoint, { quantization, cacheDir: await temporaryFolder(t) });
  const runner = await createSessionRunner(compiled, { slots: 1, maxModelLen: 256, threads: 1, spinning: false });
  t.teardown(() => runner.close());
  const { inputIds, tokens, logits } = prompts[0]!;
  let kl = 0;
  let equal = 0;
  for (const [step, expected] of logits.entries()) {
    const found =
      step === 0
        ? await runner.prefill({ slot: 0, start: 0, ids: inputIds, imageIndex: null, imageFeatures: null, wantLogits: true })
        : await runner.decode({ firstSlot: 0, ids: Int32Array.of(tokens[step - 1]!), lengths: Int32Array.of(inputIds.length + step - 1) });
    const [p, q] = [logSoftmax(expected), logSoftmax(found!)];
    kl += p.reduce((sum, value, i) => sum + Math.exp(value) * (value - q[i]!), 0) / logits.length;
    equal += (q.indexOf(Math.max(...q)) === tokens[step] ? 1 : 0) / logits.length;
  }
  return { kl, equal };
}

function logSoftmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)) + largest;
  return Array.from(logits, (logit) => logit - total);
}

// Random weights have no redundancy: a trained model loses far less.
const bounds = { int8: { kl: 8e-3, equal: 0.85 }, int4: { kl: 0.6, equal: 0.4 } } as const;

for (const name of ['mha-full', 'mqa-bias', 'text-qwen2']) {
  for (const quantization of ['int8', 'int4'] as const) {
    t.test(`${name} in ${quantization} answers nearly as in float32`, async (t) => {
      const { kl, equal } = await divergence(t, name, quantization);
      t.ok(kl < bounds[quantization].kl, `mean divergence ${kl.toExponential(1)} nats`);
      t.ok(equal >= bounds[quantization].equal, `${(equal * 100).toFixed(0)} % of greedy tokens equal`);
    });
  }
}
