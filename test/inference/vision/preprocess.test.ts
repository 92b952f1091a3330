/** Prepared pictures are bit for bit those of transformers' Pillow processors, and preparing them blocks nobody. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import t from 'tap';
import { CheckpointError, EngineFailure, ShuttingDown } from '../../../inference/errors.ts';
import type { RgbImage } from '../../../inference/types.ts';
import { pixelValues } from '../../../inference/vision/pixel-values.ts';
import { createPreprocessor } from '../../../inference/vision/preprocess.ts';
import { planFrom } from '../../../inference/vision/processor-config.ts';

interface Case {
  config: Record<string, unknown>;
  picture: [string, number, number];
  shape: [number, number, number];
  sha256: string;
  step: number;
  samples: number[];
}

const cases: Case[] = JSON.parse(await readFile(join(import.meta.dirname, '../../fixtures/preprocess/cases.json'), 'utf8'));

/** The formula of the fixture script. */
function draw([kind, width, height]: Case['picture']): RgbImage {
  const data = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) data[at++] = level(kind, x, y, c, width, height);
    }
  }
  return { width, height, data, hash: `${kind}-${width}-${height}` };
}

function level(kind: string, x: number, y: number, c: number, width: number, height: number): number {
  if (kind === 'noise') {
    const t = (x * 7919 + y * 10473 + c * 12997) % 65521;
    return ((t * t) % 65521) % 256;
  }
  if (kind === 'checks') return ((Math.floor(x / 3) + Math.floor(y / 5) + c) % 2) * 245 + 5;
  if (c === 2) return (x + y) % 256;
  return Math.floor(c === 0 ? (x * 255) / Math.max(1, width - 1) : (y * 255) / Math.max(1, height - 1));
}

t.test('pixel values equal those of Python', async (t) => {
  for (const { config, picture, shape, sha256, step, samples } of cases) {
    const plan = planFrom(config);
    const values = pixelValues(draw(picture), plan);
    const title = `${picture.join(' ')} with ${JSON.stringify(config)}`;
    t.same([3, plan.output.height, plan.output.width], shape, `shape of ${title}`);
    const same = createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex') === sha256;
    t.ok(same, title, same ? {} : { worst: Math.max(...samples.map((sample, i) => Math.abs(sample - values[i * step]!))) });
  }
});

/** A folder that holds the given files as JSON. */
async function folderWith(t: { teardown(fn: () => Promise<void>): void }, files: Record<string, unknown>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'preprocess-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, value] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(value));
  return folder;
}

const small = { image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 28 }, crop_size: { height: 28, width: 28 } };

t.test('many pictures are prepared at once, each as it would be alone', async (t) => {
  const preprocessor = await createPreprocessor(await folderWith(t, { 'preprocessor_config.json': small }), { workers: 2 });
  t.teardown(() => preprocessor.close());
  t.same(preprocessor.size, { height: 28, width: 28 });
  const pictures = Array.from({ length: 12 }, (_, i) => draw(['noise', 30 + i * 7, 90 - i * 5]));
  const results = await Promise.all(pictures.map((picture) => preprocessor.run(picture)));
  pictures.forEach((picture, i) => {
    t.same(results[i], pixelValues(picture, planFrom(small)));
    t.equal(picture.data.length, picture.width * picture.height * 3, 'the picture stays with its owner');
  });
});

t.test('the event loop goes on while a large picture is prepared, and one that cannot be prepared fails alone', async (t) => {
  const folder = await folderWith(t, { 'preprocessor_config.json': { ...small, size: 336, crop_size: 336 } });
  const preprocessor = await createPreprocessor(folder, { workers: 1 });
  t.teardown(() => preprocessor.close());
  await t.rejects(preprocessor.run({ width: -1, height: 5, data: new Uint8Array(3), hash: 'x' }), EngineFailure);
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const begin = performance.now();
  const values = await preprocessor.run({ width: 4000, height: 3000, data: new Uint8Array(36_000_000).fill(77), hash: 'large' });
  const ms = performance.now() - begin;
  lag.disable();
  t.comment(`4000×3000: ${Math.round(ms)} ms, longest gap ${(lag.max / 1e6).toFixed(1)} ms`);
  t.equal(values.length, 3 * 336 * 336);
  t.ok(lag.max / 1e6 < ms / 3, 'most of the time is spent elsewhere');
});

t.test('closing ends the threads and rejects what is not ready', async (t) => {
  const preprocessor = await createPreprocessor(await folderWith(t, { 'preprocessor_config.json': small }), { workers: 1 });
  const running = [1, 2, 3].map((i) => preprocessor.run(draw(['noise', 100 * i, 100])));
  const outcomes = Promise.allSettled(running);
  await preprocessor.close();
  for (const outcome of await outcomes) if (outcome.status === 'rejected') t.type(outcome.reason, ShuttingDown);
  await t.rejects(preprocessor.run(draw(['noise', 3, 3])), ShuttingDown);
  await preprocessor.close();
});

t.test('the configuration is found, or the start stops with one clear line', async (t) => {
  const nested = await folderWith(t, { 'processor_config.json': { image_processor: small, patch_size: 14 } });
  const preprocessor = await createPreprocessor(nested, { workers: 1 });
  t.same(preprocessor.size, { height: 28, width: 28 }, 'transformers 5 nests it');
  await preprocessor.close();
  const refused = async (config: unknown, message: RegExp) => {
    const folder = await folderWith(t, { 'preprocessor_config.json': config });
    await t.rejects(createPreprocessor(folder, { workers: 1 }), { code: 'checkpoint_error', message });
  };
  await refused(
    { image_processor_type: 'Qwen2VLImageProcessor' },
    /preprocessor_config.json: image_processor_type "Qwen2VLImageProcessor" is not supported/,
  );
  await refused({ ...small, do_center_crop: false }, /different sizes/);
  await refused({ ...small, size: { shortest_edge: 'big' } }, /"size" has "big"; expected a whole number/);
  await refused({ ...small, resample: 9 }, /"resample" is 9/);
  await refused({ ...small, image_mean: [1] }, /"image_mean" has 1 channels/);
  await refused({ ...small, do_pad: true, pad_size: { height: 5, width: 5 } }, /"pad_size" is smaller/);
  await t.rejects(createPreprocessor(await folderWith(t, {}), { workers: 1 }), CheckpointError);
});
