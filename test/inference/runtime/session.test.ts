import { copyFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { liveHandles } from '../../../inference/runtime/handles.ts';
import { OrtError } from '../../../inference/runtime/ort-error.ts';
import { Session } from '../../../inference/runtime/session.ts';
import type { SessionOptions } from '../../../inference/runtime/session-options.ts';
import { type ElementType, NativeMemory, Tensor } from '../../../inference/runtime/tensor.ts';
import { graph } from '../../fixtures/runtime/index.ts';

const options: SessionOptions = { threads: 1, spinning: false };
const mebibyte = 1024 * 1024;

/** Binds an array as an input or output of the given shape. */
function bind(
  binding: ReturnType<Session['createBinding']>,
  side: 'bindInput' | 'bindOutput',
  name: string,
  type: ElementType,
  array: ArrayBufferView,
  shape: number[],
) {
  using tensor = new Tensor(NativeMemory.of(array), type, shape);
  binding[side](name, tensor);
}

t.test('a session knows its inputs and outputs', async (t) => {
  const session = await Session.create(graph('types'), options);
  t.teardown(() => session.close());
  t.same(session.inputs, [
    { name: 'int64_in', type: 'int64', shape: [-1] },
    { name: 'int32_in', type: 'int32', shape: [] },
    { name: 'uint8_in', type: 'uint8', shape: [2, -1] },
    { name: 'float16_in', type: 'float16', shape: [-1] },
  ]);
  t.same(
    session.outputs.map(({ name }) => name),
    ['int64_out', 'int32_out', 'uint8_out', 'float16_out'],
  );
});

t.test('tensors of every type go in and come out', async (t) => {
  const session = await Session.create(graph('types'), options);
  t.teardown(() => session.close());
  const binding = session.createBinding();
  const cases = [
    ['int64', BigInt64Array.of(1n, -(2n ** 40n)), new BigInt64Array(2), [2]],
    ['int32', Int32Array.of(-7), new Int32Array(1), []],
    ['uint8', Uint8Array.of(1, 255), new Uint8Array(2), [2, 1]],
    ['float16', Uint16Array.of(0x3c00, 0x4000, 0), new Uint16Array(3), [3]],
  ] as const;
  for (const [type, input, output, shape] of cases) {
    bind(binding, 'bindInput', `${type}_in`, type, input, [...shape]);
    bind(binding, 'bindOutput', `${type}_out`, type, output, [...shape]);
  }
  t.ok((await session.run(binding)) > 0, 'milliseconds');
  for (const [type, input, output] of cases) t.same(output, input, type);
});

t.test('a binding can be bound anew', async (t) => {
  const session = await Session.create(graph('double'), options);
  t.teardown(() => session.close());
  const binding = session.createBinding();
  for (const rows of [1, 3, 2]) {
    const x = new Float32Array(rows * 3).fill(rows);
    const y = new Float32Array(rows * 3);
    bind(binding, 'bindInput', 'x', 'float32', x, [rows, 3]);
    bind(binding, 'bindOutput', 'y', 'float32', y, [rows, 3]);
    await session.run(binding);
    t.same(
      y,
      x.map((value) => value * 2),
    );
  }
});

t.test('every option is accepted', async (t) => {
  const variants: SessionOptions[] = [
    { threads: 0, spinning: true, graphOptimization: 'none', executionMode: 'parallel', memoryPattern: true },
    { threads: 2, graphOptimization: 'extended', config: { 'session.use_device_allocator_for_initializers': '1' } },
  ];
  for (const variant of variants) {
    const session = await Session.create(graph('double'), variant);
    t.equal(session.inputs.length, 1);
    await session.close();
  }
});

t.test('what goes wrong is an OrtError with a code and a message, and leaves nothing open', async (t) => {
  const before = liveHandles();
  const broken = path.join(t.testdir(), 'broken.onnx');
  await writeFile(broken, 'not a graph');
  const refused = async (file: string, status: string, more = {}) => {
    const error = await Session.create(file, { ...options, ...more }).catch((error: unknown) => error);
    t.type(error, OrtError);
    t.match(error, { status, code: 'engine_failure', message: /^ONNX Runtime: .{8}/ }, `${status}`);
  };
  await refused(graph('absent'), 'no_such_file');
  await refused(broken, 'invalid_protobuf');
  await refused(graph('double'), 'invalid_argument', { config: { '': 'x' } });

  const session = await Session.create(graph('double'), options);
  const binding = session.createBinding();
  t.throws(() => bind(binding, 'bindInput', 'z', 'float32', new Float32Array(3), [1, 3]), {
    name: 'RangeError',
    message: /no input z; it has x/,
  });
  bind(binding, 'bindInput', 'x', 'float32', new Float32Array(4), [1, 4]);
  await t.rejects(session.run(binding), { message: /^ONNX Runtime: / }, 'a shape that the graph does not take');
  const y = new Float32Array(3);
  bind(binding, 'bindInput', 'x', 'float32', Float32Array.of(1, 2, 3), [1, 3]);
  bind(binding, 'bindOutput', 'y', 'float32', y, [1, 3]);
  await session.run(binding);
  t.same(y, Float32Array.of(2, 4, 6), 'a failed run does no harm to the next');
  await session.close();
  t.equal(liveHandles(), before);
});

t.test('a run leaves the event loop free, and has the session to itself', async (t) => {
  const before = liveHandles();
  const session = await Session.create(graph('slow'), options);
  const binding = session.createBinding();
  const n = 320;
  bind(binding, 'bindInput', 'x', 'float32', new Float32Array(n * n), [n, n]);
  bind(binding, 'bindOutput', 'y', 'float32', new Float32Array(n * n), [n, n]);
  let done = false;
  const run = session.run(binding).finally(() => {
    done = true;
  });
  await t.rejects(session.run(binding), { message: /one run at a time/ });
  t.throws(() => binding.close(), { message: /is running/ });
  t.throws(() => bind(binding, 'bindInput', 'x', 'float32', new Float32Array(1), [1, 1]), { message: /is running/ });
  let turns = 0;
  for (; !done; turns++) await new Promise(setImmediate);
  t.ok(turns > 0, `${turns} turns of the loop during the run`);
  await run;

  const second = session.run(binding);
  const closing = session.close();
  t.ok((await second) > 0, 'closing waits for the run');
  await closing;
  await session.close();
  await t.rejects(session.run(binding), { message: /closed/ });
  t.throws(() => session.createBinding(), { message: /closed/ });
  t.equal(liveHandles(), before, 'the bindings went with the session');
});

t.test('sessions may run at the same time', async (t) => {
  const sessions = await Promise.all([1, 2, 3].map(() => Session.create(graph('double'), options)));
  t.teardown(() => Promise.all(sessions.map((session) => session.close())));
  const results = await Promise.all(
    sessions.map(async (session, i) => {
      const y = new Float32Array(3);
      const binding = session.createBinding();
      bind(binding, 'bindInput', 'x', 'float32', new Float32Array(3).fill(i), [1, 3]);
      bind(binding, 'bindOutput', 'y', 'float32', y, [1, 3]);
      await session.run(binding);
      return y[0];
    }),
  );
  t.same(results, [0, 2, 4]);
});

t.test('weights beside the graph are mapped, not read', { skip: process.platform === 'win32' && 'not mapped there' }, async (t) => {
  const folder = t.testdir();
  const file = path.join(folder, 'external.onnx');
  await copyFile(graph('external'), file);
  await writeFile(path.join(folder, 'table.bin'), '');
  await truncate(path.join(folder, 'table.bin'), 256 * mebibyte);
  const before = process.memoryUsage().rss;
  const session = await Session.create(file, options);
  t.teardown(() => session.close());
  const y = new Float32Array(1024).fill(1);
  const binding = session.createBinding();
  bind(binding, 'bindInput', 'row', 'int64', BigInt64Array.of(65535n), [1]);
  bind(binding, 'bindOutput', 'y', 'float32', y, [1, 1024]);
  await session.run(binding);
  t.ok(y.every((value) => value === 0));
  const grown = (process.memoryUsage().rss - before) / mebibyte;
  t.ok(grown < 64, `${grown.toFixed(1)} MiB of 256`);
});
