import t from 'tap';
import { liveHandles } from '../../../inference/runtime/handles.ts';
import { OrtError } from '../../../inference/runtime/ort-error.ts';
import { Session } from '../../../inference/runtime/session.ts';
import { NativeMemory, Tensor, tensorBytes } from '../../../inference/runtime/tensor.ts';
import { graph } from '../../fixtures/runtime/index.ts';

const mebibyte = 1024 * 1024;

t.test('memory is zeroed, aligned to cache lines, and costs nothing until it is written', async (t) => {
  const before = process.memoryUsage().rss;
  const memory = NativeMemory.allocate(2048 * mebibyte);
  t.equal(memory.address % 64n, 0n);
  t.same(memory.float32(2), Float32Array.of(0, 0));
  t.ok(process.memoryUsage().rss - before < 64 * mebibyte, '2 GiB of capacity');
  memory.float32()[400 * mebibyte] = 1;
  t.equal(memory.float32()[400 * mebibyte], 1);
  t.throws(() => NativeMemory.allocate(2 ** 50), RangeError);
});

t.test('tensors at an offset share the memory of the whole', async (t) => {
  const session = await Session.create(graph('double'), { threads: 1 });
  t.teardown(() => session.close());
  const memory = NativeMemory.allocate(tensorBytes('float32', [4, 3]));
  memory.float32().set([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
  const result = new Float32Array(6);
  const binding = session.createBinding();
  using middle = new Tensor(memory, 'float32', [2, 3], tensorBytes('float32', [3]));
  binding.bindInput('x', middle);
  using output = new Tensor(NativeMemory.of(result), 'float32', [2, 3]);
  binding.bindOutput('y', output);
  await session.run(binding);
  t.same(result, Float32Array.of(4, 4, 4, 6, 6, 6));
  memory.float32()[3] = 10;
  await session.run(binding);
  t.equal(result[0], 20, 'what is written between runs is seen by the next');
});

t.test('a small array stays where it is, whatever the collector does', async (t) => {
  const session = await Session.create(graph('double'), { threads: 1 });
  t.teardown(() => session.close());
  const binding = session.createBinding();
  const x = Float32Array.of(1, 2, 3);
  const y = new Float32Array(3);
  using input = new Tensor(NativeMemory.of(x), 'float32', [1, 3]);
  using output = new Tensor(NativeMemory.of(y), 'float32', [1, 3]);
  binding.bindInput('x', input);
  binding.bindOutput('y', output);
  let garbage: number[][] = [];
  for (let i = 0; i < 200_000; i++) garbage.push([i, i]);
  garbage = [];
  x[0] = 5;
  await session.run(binding);
  t.same(y, Float32Array.of(10, 4, 6));
  t.equal(garbage.length, 0);
});

t.test('a tensor that does not fit its memory, or that the runtime refuses, leaves nothing open', async (t) => {
  const before = liveHandles();
  const memory = NativeMemory.allocate(16);
  t.throws(() => new Tensor(memory, 'float32', [5]), { name: 'RangeError', message: /needs 20 bytes; the memory has 16/ });
  t.throws(() => new Tensor(memory, 'int64', [1], 12), RangeError);
  t.throws(() => new Tensor(memory, 'uint8', [1], -1), RangeError);
  t.throws(() => new Tensor(memory, 'float32', [-1, 0]), OrtError);
  t.equal(liveHandles(), before);
});

t.test('closing twice frees once, and a closed tensor cannot be bound', async (t) => {
  const before = liveHandles('value');
  const tensor = new Tensor(NativeMemory.allocate(4), 'int32', []);
  t.equal(liveHandles('value'), before + 1);
  tensor.close();
  tensor.close();
  t.equal(liveHandles('value'), before);
  t.throws(() => tensor.pointer, { message: /closed/ });
});
