/** What speculative decoding rests on: a slot's tokens in several rows of one run have the bits that they have one after the other. */
import { join } from 'node:path';
import t from 'tap';
import { compileCheckpoint } from '../../inference/compile/compile.ts';
import type { Quantization } from '../../inference/compile/quantisation.ts';
import { createSessionRunner } from '../../inference/engine/session-runner.ts';
import { packageRoot } from '../../server/package-root.ts';
import { SeededRandom } from '../tools/random.ts';
import { temporaryFolder } from './references.ts';

/** Tokens decoded one by one, and then again in runs of several. */
const STEPS = 24;
/** Slots end where the longest sequence does: its last run fills them. */
const PROMPTS = [40, 3, 71, 300];

const models: readonly (readonly [checkpoint: string, quantization: Quantization, threads: number])[] = [
  ['gqa-tied', 'none', 1],
  ['gqa-tied', 'int4', 2],
  ['mha-full', 'none', 2],
  ['mistral-window', 'none', 2],
  ['mqa-bias', 'int8', 2],
  ['text-llama', 'int4', 1],
  ['text-qwen2', 'int8', 2],
];

for (const [name, quantization, threads] of models) {
  t.test(`${name}, ${quantization}, ${threads} thread(s)`, { skip: process.platform !== 'linux' && 'not done there' }, async (t) => {
    const checkpoint = join(packageRoot, 'test', 'fixtures', 'checkpoints', name);
    const compiled = await compileCheckpoint(checkpoint, { quantization, cacheDir: await temporaryFolder(t) });
    const runner = await createSessionRunner(compiled, { slots: 4, maxModelLen: 300 + STEPS, threads, spinning: false, rowsPerSlot: 8 });
    t.teardown(() => runner.close());
    t.equal(runner.rowsPerSlot, 8);
    const vocab = runner.spec.decoder.vocabSize;
    const random = new SeededRandom(5);
    const text = PROMPTS.map((length) => Int32Array.from({ length: length + STEPS }, () => random.whole(3, 400)));
    const prefill = async () => {
      for (const [slot, ids] of text.entries()) {
        const prompt = ids.slice(0, PROMPTS[slot]);
        for (let start = 0; start < prompt.length; start += 128) {
          const chunk = prompt.slice(start, start + 128);
          await runner.prefill({ slot, start, ids: chunk, imageIndex: null, imageFeatures: null, wantLogits: false });
        }
      }
    };

    await prefill();
    const expected: Float32Array[][] = text.map(() => []);
    for (let step = 0; step < STEPS; step++) {
      for (const [slot, ids] of text.entries()) {
        const length = (PROMPTS[slot] ?? 0) + step;
        expected[slot]?.push(
          (await runner.decode({ firstSlot: slot, ids: ids.slice(length, length + 1), lengths: Int32Array.of(length) })).slice(),
        );
      }
    }
    for (const rowsPerSlot of [2, 4, 8]) {
      for (const [firstSlot, slots] of [
        [0, 1],
        [3, 1],
        [1, 2],
        [0, 4],
      ] as const) {
        await prefill();
        let same = true;
        for (let step = 0; step < STEPS; ) {
          // Some rows repeat the one before them, as those of a sequence with fewer drafts do.
          const used = Math.min(STEPS - step, random.chance(0.5) ? rowsPerSlot : random.whole(1, rowsPerSlot));
          const places = Array.from({ length: slots * rowsPerSlot }, (_, row) => ({
            slot: firstSlot + Math.floor(row / rowsPerSlot),
            step: step + Math.min(row % rowsPerSlot, used - 1),
          }));
          const lengths = Int32Array.from(places, (place) => (PROMPTS[place.slot] ?? 0) + place.step);
          const ids = Int32Array.from(places, ({ slot }, row) => text[slot]?.[lengths[row] ?? 0] ?? 0);
          const logits = await runner.decode({ firstSlot, ids, lengths, rowsPerSlot });
          for (const [row, place] of places.entries()) {
            const [from, to] = [row * vocab, (row + 1) * vocab];
            if (Buffer.compare(bytes(logits.slice(from, to)), bytes(expected[place.slot]?.[place.step] ?? new Float32Array())) !== 0)
              same = false;
          }
          step += used;
        }
        t.ok(same, `${rowsPerSlot} rows for each of ${slots} slots from ${firstSlot} on`);
      }
    }
    await t.rejects(runner.decode({ firstSlot: 0, ids: new Int32Array(3), lengths: new Int32Array(3), rowsPerSlot: 3 }), RangeError);
    await t.rejects(runner.decode({ firstSlot: 0, ids: new Int32Array(16), lengths: new Int32Array(16), rowsPerSlot: 16 }), RangeError);
    await t.rejects(runner.decode({ firstSlot: 0, ids: new Int32Array(3), lengths: new Int32Array(3), rowsPerSlot: 2 }), RangeError);
  });
}

const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
