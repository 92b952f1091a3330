/** The sampler against a plain one that sorts, and against the distribution it should have. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { EngineFailure } from '../../../inference/errors.ts';
import { Candidates } from '../../../inference/sampling/candidates.ts';
import { processorsFor } from '../../../inference/sampling/processors.ts';
import { uniform } from '../../../inference/sampling/random.ts';
import { argmax, createSampler } from '../../../inference/sampling/sampler.ts';
import type { SamplingParams } from '../../../inference/types.ts';

/** Temperature, top-k, top-p as one would write them down: sort everything, cut, cut again. Ids that may be drawn, ascending. */
function plain(logits: Float32Array, { temperature, topK, topP }: SamplingParams): { id: number; weight: number }[] {
  const largest = Math.max(...[...logits].filter((logit) => !Number.isNaN(logit)));
  let ranked = [...logits]
    .map((logit, id) => ({ id, score: Math.fround(logit === largest ? 0 : (logit - largest) * (1 / temperature)) }))
    .filter(({ score }) => score > Number.NEGATIVE_INFINITY)
    .sort((a, b) => b.score - a.score || a.id - b.id);
  if (topK > 0) ranked = ranked.slice(0, topK);
  if (topP < 1) {
    const sum = ranked.reduce((total, { score }) => total + Math.exp(score), 0);
    let reached = 0;
    ranked = ranked.filter(({ score }, i) => {
      const keep = i === 0 || reached < topP * sum;
      reached += Math.exp(score);
      return keep;
    });
  }
  return ranked.sort((a, b) => a.id - b.id).map(({ id, score }) => ({ id, weight: Math.exp(score) }));
}

function kept(logits: Float32Array, params: SamplingParams, scratch = new Candidates(logits.length)): number[] {
  scratch.load(logits, params.temperature);
  for (const process of processorsFor(params)) process(scratch);
  return [...scratch.ids.subarray(0, scratch.count)];
}

function gaussians(count: number, spread: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, 0, i)));
    return spread * radius * Math.cos(2 * Math.PI * uniform(seed, 1, i));
  });
}

const params = fc.record({
  temperature: fc.double({ min: 0.01, max: 2, noNaN: true }),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 })),
  // Thousandths: nearer to a sum of probabilities than that, rounding decides, in any implementation.
  topP: fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000),
});

t.test('keeps the tokens that a plain implementation keeps, for all kinds of logits', (t) => {
  const finite = fc.float({ min: -50, max: 50, noNaN: true });
  const logit = fc.oneof(
    { weight: 8, arbitrary: finite },
    { weight: 3, arbitrary: fc.integer({ min: -2, max: 2 }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NEGATIVE_INFINITY, Number.NaN, -3e38, 1e-40) },
  );
  fc.assert(
    fc.property(fc.array(logit, { minLength: 1, maxLength: 300 }), finite, params, (row, sure, rule) => {
      const logits = Float32Array.from([...row, sure]);
      assert.deepEqual(
        kept(logits, rule),
        plain(logits, rule).map(({ id }) => id),
      );
    }),
    { numRuns: 300, seed: 5 },
  );
  t.pass('equal');
  t.end();
});

t.test('keeps the same over a whole vocabulary, with the scratch of the row before', (t) => {
  const scratch = new Candidates(32_000);
  for (const [i, spread] of [0.1, 3].entries()) {
    const logits = gaussians(32_000, spread, i);
    for (const rule of [
      { temperature: 0.7, topK: 50, topP: 1 },
      { temperature: 1, topK: 0, topP: 0.9 },
      { temperature: 1.5, topK: 5000, topP: 0.95 },
    ]) {
      assert.deepEqual(
        kept(logits, rule, scratch),
        plain(logits, rule).map(({ id }) => id),
      );
    }
  }
  t.strictSame(kept(new Float32Array(32_000), { temperature: 1, topK: 3, topP: 1 }, scratch), [0, 1, 2], 'among equals the lower ids');
  const outlier = gaussians(32_000, 1, 9);
  outlier[7] = -3e38;
  const rule = { temperature: 1, topK: 40, topP: 1 };
  t.strictSame(
    kept(outlier, rule, scratch),
    plain(outlier, rule).map(({ id }) => id),
    'an outlier puts all others into one bucket',
  );
  t.end();
});

t.test('greedy is the first of the largest, whatever else is set', (t) => {
  t.equal(argmax(Float32Array.of(1, 3, Number.NaN, 3, 2)), 1);
  const sampler = createSampler({ temperature: 0, topP: 0.1, topK: 5 }, 1, 0, new Candidates(4));
  t.equal(sampler(Float32Array.of(-1, -5, Number.NEGATIVE_INFINITY, -1), 0), 0);
  const cold = createSampler({ temperature: 1e-30, topP: 1, topK: 0 }, 1, 0, new Candidates(4));
  t.equal(cold(Float32Array.of(1, 5, 2, 4.999), 0), 1, 'a temperature near 0 neither overflows nor divides');
  t.end();
});

t.test('a row without a finite logit is a failure of the model', (t) => {
  const scratch = new Candidates(3);
  const rows = [new Float32Array(3).fill(Number.NaN), new Float32Array(3).fill(Number.NEGATIVE_INFINITY)];
  for (const row of rows) {
    for (const temperature of [0, 1]) {
      t.throws(() => createSampler({ temperature, topP: 0.5, topK: 2 }, 1, 0, scratch)(row, 0), EngineFailure);
    }
  }
  t.end();
});

t.test('draws by the probabilities: chi-square over 20,000 tokens', (t) => {
  const logits = gaussians(30, 1.5, 4);
  for (const rule of [
    { temperature: 1, topK: 0, topP: 1 },
    { temperature: 0.8, topK: 12, topP: 1 },
    { temperature: 1.3, topK: 20, topP: 0.9 },
  ]) {
    const sampler = createSampler(rule, 99, 0, new Candidates(30));
    const draws = 20_000;
    const counts = new Map<number, number>();
    for (let index = 0; index < draws; index++) {
      const id = sampler(logits, index);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    const expected = plain(logits, rule);
    const sum = expected.reduce((total, { weight }) => total + weight, 0);
    t.ok(
      [...counts.keys()].every((id) => expected.some((each) => each.id === id)),
      'only tokens that are kept',
    );
    const square = expected.reduce((total, { id, weight }) => {
      const mean = (weight / sum) * draws;
      return total + ((counts.get(id) ?? 0) - mean) ** 2 / mean;
    }, 0);
    // The 99.9 % point by Wilson and Hilferty.
    const freedom = expected.length - 1;
    const limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3;
    t.ok(square < limit, `chi-square ${square.toFixed(1)} is below ${limit.toFixed(1)}`);
  }
  t.end();
});

t.test('the same seed draws the same, another seed or choice another', (t) => {
  const logits = gaussians(500, 1, 2);
  const scratch = new Candidates(500);
  const rule = { temperature: 1, topK: 0, topP: 1 };
  const text = (seed: number, choice: number) =>
    Array.from({ length: 20 }, (_, i) => createSampler(rule, seed, choice, scratch)(logits, i)).join();
  t.equal(text(1, 0), text(1, 0));
  t.not(text(1, 0), text(1, 1));
  t.not(text(1, 0), text(2, 0));
  t.end();
});
