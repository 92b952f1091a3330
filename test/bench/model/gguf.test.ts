import t from 'tap';
import { dequantised, float16, ofFloat16, quantisedQ4 } from './ggml-blocks.ts';
import { type GgufTensor, readGguf, writeGguf } from './gguf.ts';
import type { GgufEntry } from './gguf-bytes.ts';

const metadata = new Map<string, GgufEntry>([
  ['general.architecture', { type: 8, value: 'llama' }],
  ['general.alignment.not', { type: 7, value: true }],
  ['llama.rope.freq_base', { type: 6, value: 100_000 }],
  ['big', { type: 10, value: 2n ** 60n }],
  ['tokens', { type: 9, of: 8, value: ['a', 'ü', ''] }],
  ['kinds', { type: 9, of: 5, value: [-1, 2, 3] }],
]);

const floats = (name: string, values: number[]): GgufTensor => ({
  name,
  shape: [values.length],
  type: 'F32',
  data: new Uint8Array(Float32Array.from(values).buffer),
});

t.test('what is written is read again: values, and tensors of any length', async (t) => {
  const tensors = [floats('one', [1]), floats('three', [1, -2.5, 3])];
  const file = readGguf(Buffer.concat(writeGguf({ metadata, tensors })));
  t.strictSame([...file.metadata], [...metadata]);
  t.strictSame(
    file.tensors.map((tensor) => [tensor.name, tensor.shape, [...dequantised(tensor)]]),
    [
      ['one', [1], [1]],
      ['three', [3], [1, -2.5, 3]],
    ],
  );
});

t.test('other files and tensors of a wrong size are refused', async (t) => {
  t.throws(() => readGguf(Buffer.from('PK\x03\x04 and more')), /no GGUF file/);
  t.throws(() => writeGguf({ metadata, tensors: [{ ...floats('one', [1]), shape: [2] }] }), /one has 4 bytes, expected 8/);
});

t.test('float16 is rounded to nearest, ties to even', async (t) => {
  for (const value of [0, 1, -2, 65_504, 2 ** -14, 2 ** -24, -(2 ** -15), 0.333251953125]) t.equal(ofFloat16(float16(value)), value);
  t.equal(ofFloat16(float16(1 + 2 ** -11)), 1);
  t.equal(ofFloat16(float16(1 + 3 * 2 ** -11)), 1 + 2 ** -9);
  t.equal(ofFloat16(float16(1e9)), Number.POSITIVE_INFINITY);
  t.equal(ofFloat16(float16(2 ** -25)), 0);
});

t.test('four bits keep the value of largest magnitude, and all others to half a step', async (t) => {
  const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i) * (i < 32 ? 1 : 10));
  const data = quantisedQ4(values);
  t.equal(data.length, 36);
  const view = new DataView(data.buffer);
  for (const [block, at] of [0, 18].entries()) {
    const scale = ofFloat16(view.getUint16(at, true));
    for (let i = 0; i < 16; i++) {
      const pair = data[at + 2 + i]!;
      for (const [level, index] of [[pair & 15, i] as const, [pair >> 4, i + 16] as const]) {
        const error = Math.abs((level - 8) * scale - values[32 * block + index]!);
        // The side of the largest value has one level more than the other.
        t.ok(error <= Math.abs(scale) * 1.01, `${error} of ${scale}`);
      }
    }
  }
});

t.test('Q4_1 and Q8_0 are what ggml says they are', async (t) => {
  const q4 = new Uint8Array(20).fill(0x21, 4);
  new DataView(q4.buffer).setUint16(0, float16(0.5), true);
  new DataView(q4.buffer).setUint16(2, float16(-1), true);
  const values = dequantised({ name: 'q', shape: [32], type: 'Q4_1', data: q4 });
  t.equal(values[0], -0.5);
  t.equal(values[31], 0);
  const q8 = new Uint8Array(34).fill(0xfe, 2);
  new DataView(q8.buffer).setUint16(0, float16(0.25), true);
  t.equal(dequantised({ name: 'q', shape: [32], type: 'Q8_0', data: q8 })[31], -0.5);
});
