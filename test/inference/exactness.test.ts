/**
 * What the prefix cache and preemption rest on: wherever a prompt is cut, and whatever of it is copied, its logits have the same
 * bits; and so have those of an answer that is decoded again, in whatever company.
 */
import { join } from 'node:path';
import t from 'tap';
import { compileCheckpoint } from '../../inference/compile/compile.ts';
import type { Quantization } from '../../inference/compile/quantisation.ts';
import type { ModelRunner } from '../../inference/engine/model-runner.ts';
import { createSessionRunner } from '../../inference/engine/session-runner.ts';
import { packageRoot } from '../../server/package-root.ts';
import { SeededRandom } from '../tools/random.ts';
import { temporaryFolder } from './references.ts';

const LENGTH = 300;
/** Tokens that are decoded behind the prompt. */
const ANSWER = 24;
/** Tokens of a run, at most. */
const CHUNK = 128;

const models: readonly (readonly [checkpoint: string, quantization: Quantization, threads: number])[] = [
  ['gqa-tied', 'none', 1],
  ['gqa-tied', 'int4', 2],
  ['mha-full', 'none', 2],
  ['mistral-window', 'none', 1],
  ['mqa-bias', 'int8', 2],
  ['siglip-qwen2', 'none', 2],
  ['text-llama', 'int4', 1],
  ['text-qwen2', 'int8', 1],
];

/** Ends of the runs: some at random, all of lengths that the scheduler takes. */
function randomCuts(random: SeededRandom, from: number): number[] {
  const ends: number[] = [];
  for (let at = from; at < LENGTH; ) {
    const left = LENGTH - at;
    let tokens = Math.min(left, random.whole(3, random.chance(0.5) ? 12 : CHUNK));
    while (tokens % 16 === 1 || left - tokens === 1) tokens--;
    at += tokens;
    ends.push(at);
  }
  return ends;
}

async function prefill(runner: ModelRunner, slot: number, ids: Int32Array, from: number, ends: readonly number[]): Promise<Float32Array> {
  let start = from;
  let logits: Float32Array | null = null;
  for (const end of ends) {
    logits = await runner.prefill({
      slot,
      start,
      ids: ids.slice(start, end),
      imageIndex: null,
      imageFeatures: null,
      wantLogits: end === LENGTH,
    });
    start = end;
  }
  return Float32Array.from(logits ?? []);
}

for (const [name, quantization, threads] of models) {
  t.test(`${name}, ${quantization}, ${threads} thread(s)`, async (t) => {
    const checkpoint = join(packageRoot, 'test', 'fixtures', 'checkpoints', name);
    const compiled = await compileCheckpoint(checkpoint, { quantization, cacheDir: await temporaryFolder(t) });
    const runner = await createSessionRunner(compiled, { slots: 3, maxModelLen: 512, threads, spinning: false });
    t.teardown(() => runner.close());
    const random = new SeededRandom(11);
    const ids = Int32Array.from({ length: LENGTH }, () => random.whole(3, 400));
    const next = async (slot: number) =>
      (await runner.decode({ firstSlot: slot, ids: Int32Array.of(5), lengths: Int32Array.of(LENGTH) })).slice();
    const whole = await prefill(runner, 0, ids, 0, [LENGTH]);
    const after = await next(0);

    for (let i = 0; i < 12; i++) {
      const ends = randomCuts(random, 0);
      t.same(await prefill(runner, 1, ids, 0, ends), whole, `cut at ${ends.join(', ')}`);
      t.same(await next(1), after, 'and so does the next token');
    }
    for (const copied of [2, 17, 128, LENGTH - 2]) {
      await prefill(runner, 2, ids.toReversed(), 0, [LENGTH]);
      await runner.copy({ from: 1, to: 2, start: 0, tokens: copied });
      t.same(await prefill(runner, 2, ids, copied, randomCuts(random, copied)), whole, `the first ${copied} tokens copied`);
      t.same(await next(2), after);
    }

    const answer = Array.from({ length: ANSWER }, () => random.whole(3, 400));
    const decode = async (firstSlot: number, rows: readonly (readonly [id: number, length: number])[]) =>
      runner.decode({ firstSlot, ids: Int32Array.from(rows, ([id]) => id), lengths: Int32Array.from(rows, ([, length]) => length) });
    await prefill(runner, 0, ids, 0, [LENGTH]);
    const alone: Float32Array[] = [];
    for (const [i, id] of answer.entries()) alone.push((await decode(0, [[id, LENGTH + i]])).slice());

    await prefill(runner, 1, ids, 0, randomCuts(random, 0));
    for (const [i, id] of answer.entries()) {
      const logits = await decode(0, [
        [7, LENGTH + ANSWER - i],
        [id, LENGTH + i],
        [9, 100 + i],
      ]);
      const vocab = logits.length / 3;
      t.same(logits.subarray(vocab, 2 * vocab), alone[i], `token ${i} of the answer, decoded again beside others`);
    }

    const expected = (await decode(1, [[5, LENGTH + ANSWER]])).slice();
    await prefill(runner, 2, ids.toReversed(), 0, [LENGTH]);
    await runner.copy({ from: 1, to: 2, start: 100, tokens: LENGTH + ANSWER - 100 });
    await prefill(runner, 2, ids.slice(0, CHUNK), 0, [CHUNK]);
    t.same(await decode(2, [[5, LENGTH + ANSWER]]), expected, 'the end is kept, and the beginning computed again');
  });
}
