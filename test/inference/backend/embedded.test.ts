import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Backend, CheckpointError, createEmbeddedBackend, type GenerationRequest, ShuttingDown } from '../../../inference/index.ts';

const fixture = join(import.meta.dirname, '../../fixtures/checkpoints/mha-full');

async function copyOf(test: Test): Promise<string> {
  const folder = test.testdir({});
  await cp(fixture, join(folder, 'checkpoint'), { recursive: true });
  return folder;
}

function start(test: Test, folder: string): Backend {
  const backend = createEmbeddedBackend({
    checkpoint: join(folder, 'checkpoint'),
    servedNames: ['model'],
    quantization: 'none',
    cacheDir: join(folder, 'cache'),
    maxQueue: 4,
    threads: 1,
    maxNumSeqs: 2,
    version: '0',
    log: { info: () => {} },
  });
  test.teardown(() => backend.close());
  return backend;
}

async function settled(backend: Backend) {
  while (backend.state().phase === 'loading') await delay(5);
  return backend.state();
}

const request: GenerationRequest = {
  model: 'model',
  prompt: { kind: 'tokens', ids: [1, 5, 6], images: [] },
  n: 2,
  sampling: { temperature: 1, topP: 1, topK: 0, seed: 1 },
  stopping: { stop: [], stopTokenIds: [] },
  requestId: 'test',
};

t.test('leaving the iteration frees the slots, be it at the very first event', async (t) => {
  const backend = start(t, await copyOf(t));
  t.strictSame(
    backend.models().map(({ maxModelLen, modalities }) => ({ maxModelLen, modalities })),
    [{ maxModelLen: undefined, modalities: undefined }],
    'what is not known yet is not said',
  );
  t.same(await settled(backend), { phase: 'ready' });
  for (const last of ['start', 'text']) {
    for await (const event of backend.generate(request, new AbortController().signal)) if (event.type === last) break;
    t.match(backend.stats(), { running: 0, waiting: 0, freeSlots: 2 }, `left at ${last}`);
  }
});

t.test('ready() waits for the model, or tells why there is none', async (t) => {
  const folder = await copyOf(t);
  const backend = start(t, folder);
  await backend.ready();
  t.same(backend.state(), { phase: 'ready' });
  await backend.close();
  await t.rejects(backend.ready(), ShuttingDown);
  const closedEarly = start(t, folder);
  const waiting = t.rejects(closedEarly.ready(), ShuttingDown);
  await closedEarly.close();
  await waiting;
  await rm(join(folder, 'checkpoint', 'config.json'));
  await t.rejects(start(t, folder).ready(), CheckpointError);
});

for (const file of ['tokenizer.json', 'preprocessor_config.json']) {
  t.test(`a checkpoint without ${file} is refused before anything is compiled`, async (t) => {
    const folder = await copyOf(t);
    await rm(join(folder, 'checkpoint', file));
    const state = await settled(start(t, folder));
    t.match(state, { phase: 'failed', error: CheckpointError });
    t.match(state, { error: { message: new RegExp(file) } });
    await t.rejects(stat(join(folder, 'cache')), { code: 'ENOENT' });
  });
}

t.test('pictures of another size than the tower takes stop the start', async (t) => {
  const folder = await copyOf(t);
  const file = join(folder, 'checkpoint', 'preprocessor_config.json');
  const config = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...config, crop_size: { height: 24, width: 24 } }));
  const state = await settled(start(t, folder));
  t.match(state, { phase: 'failed', error: CheckpointError });
  t.match(state, { error: { message: /24×24.*30×30/ } });
  await t.rejects(stat(join(folder, 'cache')), { code: 'ENOENT' });
});

t.test('what is no folder is refused in one line', async (t) => {
  const folder = t.testdir({ checkpoint: 'a file' });
  for (const [parent, found] of [
    [folder, /checkpoint is no folder; set MODEL/],
    [join(folder, 'nowhere'), /checkpoint does not exist; set MODEL/],
  ] as const) {
    t.match(await settled(start(t, parent)), { phase: 'failed', error: { code: 'checkpoint_error', message: found } });
  }
});
