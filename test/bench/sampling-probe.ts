/** A process of its own: what choosing the tokens of a full batch costs. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Breather } from '../../inference/engine/breather.ts';
import { scoreChoice } from '../../inference/sampling/logprobs.ts';
import { createSampler, SamplerScratch } from '../../inference/sampling/sampler.ts';
import type { SamplingParams } from '../../inference/types.ts';
import { median } from './statistics.ts';

const vocab = 32_000;
const batch = 32;
const steps = 40;
/** Steps before the compiler has done its work. */
const warmUp = 8;

/** Normal logits, by Box and Muller from a small generator. */
function normalRow(seed: number, spread: number): Float32Array {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return Float32Array.from({ length: vocab }, () => spread * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

const rules: readonly (readonly [string, Partial<SamplingParams>])[] = [
  ['greedy', { temperature: 0 }],
  ['temperature alone', {}],
  ['top_p 0.9', { topP: 0.9 }],
  ['top_p 0.95, temperature 0.7', { topP: 0.95, temperature: 0.7 }],
  ['top_k 40', { topK: 40 }],
  ['top_k 50, top_p 0.9', { topK: 50, topP: 0.9 }],
  ['min_p 0.05', { minP: 0.05 }],
  ['typical_p 0.9', { typicalP: 0.9 }],
  ['top_p 0.9, three penalties', { topP: 0.9, presencePenalty: 0.5, frequencyPenalty: 0.3, repetitionPenalty: 1.1 }],
];
const scratch = new SamplerScratch(vocab);
const promptIds = Array.from({ length: 500 }, (_, i) => i * 7);

for (const spread of [0.5, 3]) {
  const rows = Array.from({ length: batch }, (_, row) => normalRow(row + 1, spread));
  for (const [name, rule] of rules) {
    const params = { temperature: 1, topP: 1, topK: 0, ...rule };
    const samplers = rows.map((_, stream) =>
      createSampler({ params, seed: 1, stream, promptIds, minTokens: { count: 0, endTokenIds: new Set() }, scratch }),
    );
    await report(`${name}, spread ${spread}`, rows, (logits, row, step) => samplers[row]?.(logits, step));
  }
  await report(`log probabilities, 20 likeliest, spread ${spread}`, rows, (logits) => scoreChoice(logits, 5, 20));
}

/** Takes the rows of a step one after the other, giving way as the engine does. */
async function report(
  name: string,
  rows: readonly Float32Array[],
  take: (logits: Float32Array, row: number, step: number) => unknown,
): Promise<void> {
  const perRow: number[] = [];
  const gaps = monitorEventLoopDelay({ resolution: 1 });
  for (let step = 0; step < steps; step++) {
    if (step === warmUp) gaps.enable();
    const breather = new Breather();
    const startedAt = performance.now();
    for (const [row, logits] of rows.entries()) {
      take(logits, row, step);
      await breather.pause();
    }
    if (step >= warmUp) perRow.push((performance.now() - startedAt) / rows.length);
  }
  gaps.disable();
  const longest = gaps.max / 1e6;
  process.stdout.write(`${name}: ${median(perRow).toFixed(3)} ms a row, longest gap of the event loop ${longest.toFixed(1)} ms\n`);
}
