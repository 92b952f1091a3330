/** A compiled model appears whole or not at all, is found again, and is made anew when it is damaged. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { compileCheckpoint } from '../../../inference/compile/compile.ts';
import { checkpointFolder, temporaryFolder } from '../references.ts';
import { copyOf } from './damage.ts';

const folder = checkpointFolder('gqa-tied');
const compile = (cacheDir: string, more: Partial<Parameters<typeof compileCheckpoint>[1]> = {}) =>
  compileCheckpoint(folder, { quantization: 'none', cacheDir, ...more });

/** Starts a compilation in another process; `onProgress` is the body of its progress callback. */
function compileElsewhere(cacheDir: string, onProgress: string) {
  const compiler = new URL('../../../inference/compile/compile.ts', import.meta.url);
  const script = `import { existsSync, writeSync } from 'node:fs';
    import { compileCheckpoint } from ${JSON.stringify(compiler.href)};
    const options = { quantization: 'none', cacheDir: ${JSON.stringify(cacheDir)}, onProgress() { ${onProgress} } };
    writeSync(1, (await compileCheckpoint(${JSON.stringify(folder)}, options)).folder);`;
  const loaders = process.execArgv.filter((argument) => argument.startsWith('--import'));
  return spawn(process.execPath, [...loaders, '--input-type=module', '--eval', script], {
    cwd: new URL('../../../', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

t.test('the second time it is only looked up', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const progress: number[] = [];
  const first = await compile(cacheDir, { onProgress: (done) => progress.push(done) });
  t.ok(progress.length > 0 && progress.every((done, i) => done > (progress[i - 1] ?? 0)), 'progress grows');
  t.equal(progress.at(-1), 1);
  t.same((await readdir(first.folder)).sort(), ['decoder.onnx', 'decoder.weights', 'manifest.json', 'vision.onnx', 'vision.weights']);
  const second = await compile(cacheDir, { onProgress: () => t.fail('nothing is to be compiled') });
  t.same(second, first);
});

t.test('options and contents make the key, the place does not', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const { key } = await compile(cacheDir);
  t.not((await compile(cacheDir, { quantization: 'int8' })).key, key);
  const copy = await copyOf(t, 'gqa-tied');
  const options = { quantization: 'none', cacheDir } as const;
  t.equal((await compileCheckpoint(copy, options)).key, key, 'a copy is the same checkpoint');
  const weights = await readFile(join(copy, 'model.safetensors'));
  weights[weights.length - 1]! ^= 1;
  await writeFile(join(copy, 'model.safetensors'), weights);
  t.not((await compileCheckpoint(copy, options)).key, key, 'other weights of the same shapes are another one');
});

t.test('an entry with a file cut off or missing is made anew', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const { folder: entry } = await compile(cacheDir);
  for (const file of ['decoder.weights', 'vision.onnx', 'manifest.json']) {
    const whole = await readFile(join(entry, file));
    await truncate(join(entry, file), 100);
    await compile(cacheDir);
    t.same(await readFile(join(entry, file)), whole, file);
  }
  t.same(await readdir(cacheDir), [entry.split('/').at(-1)], 'nothing else is left');
});

t.test('a killed compilation leaves no entry, and the next one clears its remains away', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const [, signal] = await once(compileElsewhere(cacheDir, `process.kill(process.pid, 'SIGKILL');`), 'close');
  t.equal(signal, 'SIGKILL');
  t.match(await readdir(cacheDir), [/\.tmp$/], 'only a temporary folder');
  const { key } = await compile(cacheDir);
  t.same(await readdir(cacheDir), [key]);
});

t.test('temporary folders of running processes stay', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const host = hostname().replaceAll(/[^\w-]/g, '_');
  const names = {
    running: `0.${host}.${process.ppid}.0.tmp`,
    'of a process before us that had our number': `1.${host}.${process.pid}.0.tmp`,
    'of another host, new': '2.elsewhere.1.0.tmp',
    'of another host, old': '3.elsewhere.1.0.tmp',
    'not ours': 'notes.tmp',
  };
  for (const name of Object.values(names)) await mkdir(join(cacheDir, name));
  for (const name of [names['of a process before us that had our number'], names['of another host, old']]) {
    await utimes(join(cacheDir, name), 1e9, 1e9);
  }
  const { key } = await compile(cacheDir);
  t.same((await readdir(cacheDir)).sort(), [names.running, names['of another host, new'], names['not ours'], key].sort());
});

t.test('of two processes at once, the slower one takes the entry of the quicker', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const done = join(await temporaryFolder(t), 'done');
  const wait = `while (!existsSync(${JSON.stringify(done)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);`;
  const slower = compileElsewhere(cacheDir, `writeSync(1, '.'); ${wait}`);
  let output = '';
  await new Promise<void>((resolve) => {
    slower.stdout.on('data', (data) => {
      output += data;
      resolve();
    });
  });
  const { folder: entry, key } = await compile(cacheDir);
  const { ino } = await stat(entry);
  t.equal((await readdir(cacheDir)).length, 2, 'the entry, and the folder the other one is filling');
  await writeFile(done, '');
  const [code] = await once(slower, 'close');
  t.same([code, output.replaceAll('.', '')], [0, entry.replaceAll('.', '')]);
  t.same(await readdir(cacheDir), [key]);
  t.equal((await stat(entry)).ino, ino, 'the very folder that was there first');
});

t.test('two compilations at once in one process share one entry', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const [first, second] = await Promise.all([compile(cacheDir), compile(cacheDir)]);
  t.same(first, second);
  t.same(await readdir(cacheDir), [first.key]);
});

t.test('an aborted compilation leaves nothing', async (t) => {
  const cacheDir = await temporaryFolder(t);
  const controller = new AbortController();
  await t.rejects(compile(cacheDir, { signal: controller.signal, onProgress: () => controller.abort() }), { name: 'AbortError' });
  t.same(await readdir(cacheDir), []);
});

t.test('a cache folder that cannot be made is told in one line', async (t) => {
  const cacheDir = await temporaryFolder(t);
  await writeFile(join(cacheDir, 'file'), '');
  await t.rejects(compile(join(cacheDir, 'file', 'cache')), { code: 'checkpoint_error', message: /ENOTDIR.*CACHE_DIR/ });
});
