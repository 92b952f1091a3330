import t, { type Test } from 'tap';
import { createSessionRunner } from '../../../inference/engine/session-runner.ts';
import { CheckpointError } from '../../../inference/errors.ts';
import { liveHandles } from '../../../inference/runtime/handles.ts';
import { OrtError } from '../../../inference/runtime/ort-error.ts';
import { expected, graph, textModel, visionModel } from '../../fixtures/runtime/index.ts';

const options = { slots: 4, maxModelLen: 48, threads: 1, spinning: false };
const vocab = expected.spec.decoder.vocabSize;

async function runnerFor(test: Test, model = visionModel, more = {}) {
  const runner = await createSessionRunner(model, { ...options, ...more });
  test.teardown(() => runner.close());
  return runner;
}

type Runner = Awaited<ReturnType<typeof createSessionRunner>>;

/** Prefills text into a slot, and gives a copy of the last logits. */
async function prefill(runner: Runner, slot: number, ids: readonly number[], start = 0): Promise<Float32Array> {
  const chunk = { slot, start, ids: Int32Array.from(ids), imageIndex: null, imageFeatures: null, wantLogits: true };
  return Float32Array.from((await runner.prefill(chunk)) ?? []);
}

/** One token for each slot of a range; copies of each row of logits. */
async function decode(runner: Runner, firstSlot: number, ids: readonly number[], lengths: readonly number[]): Promise<Float32Array[]> {
  const logits = await runner.decode({ firstSlot, ids: Int32Array.from(ids), lengths: Int32Array.from(lengths) });
  return ids.map((_, row) => logits.slice(row * vocab, (row + 1) * vocab));
}

function closeTo(test: Test, found: Float32Array, wanted: readonly number[], message: string) {
  const difference = Math.max(...wanted.map((value, i) => Math.abs(value - (found[i] ?? Number.NaN))));
  test.ok(difference < 1e-4, `${message}: largest difference ${difference}`);
}

t.test('logits equal an independent reference, token by token', async (t) => {
  const runner = await runnerFor(t);
  const { ids, logits } = expected.textOnly;
  const first = ids.length - logits.length;
  closeTo(t, await prefill(runner, 0, ids.slice(0, first + 1)), logits[0]!, 'prompt');
  for (let i = 1; i < logits.length; i++) {
    const [row] = await decode(runner, 0, [ids[first + i]!], [first + i]);
    closeTo(t, row!, logits[i]!, `step ${i}`);
  }
});

t.test('a chunk gives the logits of all its tokens to who wants them, and of the last one alone afterwards', async (t) => {
  const runner = await runnerFor(t);
  const { ids, logits } = expected.textOnly;
  const first = ids.length - logits.length;
  for (const cut of [0, 3]) {
    if (cut > 0) await prefill(runner, 0, ids.slice(0, cut));
    const chunk = { slot: 0, start: cut, ids: Int32Array.from(ids.slice(cut)), imageIndex: null, imageFeatures: null, wantLogits: false };
    const rows = (await runner.prefill({ ...chunk, everyLogit: true }))!.slice();
    t.equal(rows.length, (ids.length - cut) * vocab);
    for (const [i, row] of logits.entries()) {
      closeTo(t, rows.subarray((first + i - cut) * vocab, (first + i - cut + 1) * vocab), row, `token ${first + i} of a chunk from ${cut}`);
    }
  }
  const last = await prefill(runner, 0, ids);
  t.equal(last.length, vocab);
  closeTo(t, last, logits.at(-1)!, 'the last token');
});

t.test('pictures take the place of their placeholder tokens', async (t) => {
  const runner = await runnerFor(t);
  const features = await runner.encodeImages(Float32Array.from(expected.pixels), 2);
  closeTo(t, features, expected.features, 'vision tower');
  const { ids, imageIndex, logits } = expected.withImages;
  const first = ids.length - logits.length;
  const chunk = async (from: number, to: number, imageFeatures: Float32Array | null) =>
    runner.prefill({
      slot: 2,
      start: from,
      ids: Int32Array.from(ids.slice(from, to)),
      imageIndex: imageFeatures && Int32Array.from(imageIndex.slice(from, to)),
      imageFeatures,
      wantLogits: to === first + 1,
    });
  // The chunk boundary cuts through the placeholders.
  t.equal(await chunk(0, 5, features), null, 'a chunk within the prompt gives no logits');
  await chunk(5, 9, features);
  closeTo(t, (await chunk(9, first + 1, null))!, logits[0]!, 'prompt');
  for (let i = 1; i < logits.length; i++) {
    const [row] = await decode(runner, 2, [ids[first + i]!], [first + i]);
    closeTo(t, row!, logits[i]!, `step ${i}`);
  }
  t.equal((await runner.encodeImages(new Float32Array(0), 0)).length, 0, 'no pictures, no features');
});

t.test('wherever a prompt is cut, its logits have the same bits, unless a chunk has a single token', async (t) => {
  const runner = await runnerFor(t);
  const ids = Array.from({ length: 40 }, (_, i) => (i * i + 3) % vocab);
  const whole = await prefill(runner, 0, ids);
  for (const cuts of [[20], [2], [38], [3, 8, 10, 25], [5, 7, 9, 11, 13, 37]]) {
    for (const [i, start] of [0, ...cuts].entries()) {
      const logits = await prefill(runner, 1, ids.slice(start, cuts[i]), start);
      if (i === cuts.length) t.same(logits, whole, `cut at ${cuts.join(', ')}`);
    }
  }
  await prefill(runner, 1, ids.slice(0, 39));
  closeTo(t, await prefill(runner, 1, ids.slice(39), 39), [...whole], 'a single token is multiplied by another routine');
});

t.test('a copied beginning is as good as a computed one, and what is around it stays', async (t) => {
  const runner = await runnerFor(t);
  const ids = Array.from({ length: 30 }, (_, i) => (i * 5 + 1) % vocab);
  const other = Array.from({ length: 30 }, (_, i) => (i * 7 + 2) % vocab);
  const whole = await prefill(runner, 0, ids);
  await prefill(runner, 1, other);
  await prefill(runner, 2, other);
  const neighbour = await decode(runner, 2, [1], [30]);
  await prefill(runner, 1, ids.slice(0, 4));
  await runner.copy({ from: 0, to: 1, start: 4, tokens: 20 });
  t.same(await prefill(runner, 1, ids.slice(24), 24), whole);
  t.same(await decode(runner, 2, [1], [30]), neighbour);
  await prefill(runner, 1, other.slice(0, 24));
  t.same(await prefill(runner, 0, ids.slice(24), 24), whole, 'the source has its own');
  await t.rejects(runner.copy({ from: 0, to: 4, start: 0, tokens: 1 }), RangeError, 'a slot that is not there');
  await t.rejects(runner.copy({ from: -1, to: 1, start: 0, tokens: 1 }), RangeError);
  await t.rejects(runner.copy({ from: 0, to: 1, start: 40, tokens: 9 }), RangeError, 'tokens past the end of a slot');
  await t.rejects(runner.copy({ from: 0, to: 1, start: 0, tokens: 0 }), RangeError, 'none');
});

t.test('sequences of different lengths in one batch get the same bits as alone', async (t) => {
  const runner = await runnerFor(t);
  const prompts = [[1, 2, 3], [4, 5, 6, 7, 8, 9, 10, 11], [12], [13, 14, 15, 16, 17]];
  const tokens = [
    [18, 3],
    [19, 4],
    [20, 5],
    [21, 6],
  ];
  const alone: Float32Array[][] = [];
  for (const [i, prompt] of prompts.entries()) {
    await prefill(runner, i, prompt);
    const rows: Float32Array[] = [];
    for (const [step, id] of tokens[i]!.entries()) rows.push(...(await decode(runner, i, [id], [prompt.length + step])));
    alone.push(rows);
  }
  // The same slots again: what the first pass left beyond each length must not be seen.
  for (const [i, prompt] of prompts.entries()) await prefill(runner, i, prompt);
  for (const step of [0, 1]) {
    const rows = await decode(
      runner,
      0,
      tokens.map((row) => row[step]!),
      prompts.map((prompt) => prompt.length + step),
    );
    t.same(
      rows,
      alone.map((row) => row[step]),
      `all four, step ${step}`,
    );
  }
  for (const [i, prompt] of prompts.entries()) await prefill(runner, i, prompt);
  const middle = await decode(runner, 1, [19, 20], [8, 1]);
  t.same(middle, [alone[1]![0], alone[2]![0]], 'a range in the middle');
  t.same((await decode(runner, 3, [21], [5]))[0], alone[3]![0], 'which left its neighbour alone');
});

t.test('a slot can be filled to its last token, and not past it', async (t) => {
  const runner = await runnerFor(t, visionModel, { slots: 2, maxModelLen: 16 });
  const ids = expected.withImages.ids.slice(0, 17);
  await prefill(runner, 1, [1, 2, 3]);
  const neighbour = await decode(runner, 1, [4], [3]);
  await prefill(runner, 0, ids.slice(0, 15));
  await decode(runner, 0, [ids[15]!], [15]);
  t.same(await decode(runner, 1, [4], [3]), neighbour, 'the next slot is untouched');
  await t.rejects(decode(runner, 0, [1], [16]), RangeError);
  await t.rejects(prefill(runner, 0, ids), RangeError, 'a prompt that is longer than the slot');
  await t.rejects(prefill(runner, 0, ids.slice(0, 2), 15), RangeError, 'a chunk that crosses the end');
  await t.rejects(prefill(runner, 2, [1]), RangeError, 'a slot that is not there');
  await t.rejects(decode(runner, 1, [1, 2], [0, 0]), RangeError, 'a range that leaves the cache');
  await t.rejects(decode(runner, 0, [], []), RangeError, 'an empty range');
  await t.rejects(decode(runner, 0, [1], []), RangeError, 'lengths that do not fit');
  await t.rejects(prefill(runner, 0, []), RangeError, 'an empty chunk');
});

t.test('input that does not fit the model is refused before it runs', async (t) => {
  const runner = await runnerFor(t);
  const chunk = { slot: 0, start: 0, ids: Int32Array.of(1, 2), wantLogits: true };
  const imageFeatures = new Float32Array(16);
  await t.rejects(runner.prefill({ ...chunk, imageIndex: Int32Array.of(0), imageFeatures }), RangeError);
  await t.rejects(runner.prefill({ ...chunk, imageIndex: Int32Array.of(0, -1), imageFeatures: new Float32Array(15) }), RangeError);
  await t.rejects(runner.encodeImages(new Float32Array(47), 1), RangeError);
  await t.rejects(prefill(runner, 0, [vocab]), OrtError, 'a token that the vocabulary does not have');
  await t.resolves(prefill(runner, 0, [1]), 'and the runner still works');
});

t.test('a text model has no picture inputs', async (t) => {
  const runner = await runnerFor(t, textModel, { maxModelLen: 32 });
  t.equal((await prefill(runner, 0, [1, 2, 3])).length, 24);
  t.equal((await decode(runner, 0, [4], [3])).length, 1);
  await t.rejects(runner.encodeImages(new Float32Array(48), 1), RangeError);
  await t.rejects(
    runner.prefill({
      slot: 0,
      start: 0,
      ids: Int32Array.of(1),
      imageIndex: Int32Array.of(0),
      imageFeatures: new Float32Array(16),
      wantLogits: true,
    }),
    RangeError,
  );
});

t.test('calls are carried out one after the other, and counted', async (t) => {
  const runner = await runnerFor(t);
  const before = runner.runtimeMs;
  const [, row] = await Promise.all([prefill(runner, 0, [1, 2, 3]), decode(runner, 0, [4], [3]), prefill(runner, 1, [5])]);
  t.ok(runner.runtimeMs > before);
  await prefill(runner, 0, [1, 2, 3]);
  t.same(await decode(runner, 0, [4], [3]), row);
});

t.test('closing waits for what was asked for, frees everything native, and may be repeated', async (t) => {
  const before = liveHandles();
  const runner = await createSessionRunner(visionModel, options);
  await prefill(runner, 0, [1, 2, 3]);
  await prefill(runner, 1, [1, 2]);
  const running = decode(runner, 0, [4, 5], [3, 2]);
  const closing = runner.close();
  await t.rejects(prefill(runner, 0, [1]), { message: /closed/ });
  t.equal((await running).length, 2);
  await closing;
  await runner.close();
  t.equal(liveHandles(), before);
});

t.test('a model that cannot be run stops the start and leaves nothing open', async (t) => {
  const before = liveHandles();
  await t.rejects(createSessionRunner({ ...visionModel, decoderPath: graph('decoder-text') }, options), CheckpointError);
  await t.rejects(createSessionRunner({ ...visionModel, decoderPath: graph('missing') }, options), OrtError);
  await t.rejects(createSessionRunner({ ...visionModel, visionPath: null }, options), CheckpointError);
  await t.rejects(createSessionRunner({ ...visionModel, visionPath: graph('double') }, options), CheckpointError);
  await t.rejects(createSessionRunner(visionModel, { ...options, maxModelLen: 65 }), RangeError);
  await t.rejects(createSessionRunner(visionModel, { ...options, slots: 0 }), RangeError);
  await t.rejects(createSessionRunner(visionModel, { ...options, slots: 2 ** 40 }), RangeError, 'a cache that no machine has');
  t.equal(liveHandles(), before);
});
