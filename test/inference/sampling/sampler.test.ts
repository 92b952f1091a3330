/** The sampler against transformers' processors, against a plain one that sorts, and against the distribution it should have. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { EngineFailure } from '../../../inference/errors.ts';
import { uniform } from '../../../inference/sampling/random.ts';
import { argmax, createSampler, type SamplerOptions, SamplerScratch } from '../../../inference/sampling/sampler.ts';
import type { SamplingParams } from '../../../inference/types.ts';
import { packageRoot } from '../../../server/package-root.ts';

type Rule = Partial<SamplingParams>;

function sampler(rule: Rule, change: Partial<Omit<SamplerOptions, 'params'>> & { readonly scratch: SamplerScratch }) {
  const params = { temperature: 1, topP: 1, topK: 0, ...rule };
  return createSampler({ params, seed: 1, stream: 0, promptIds: [], minTokens: { count: 0, endTokenIds: new Set() }, ...change });
}

/** Ids from which a token is drawn, ascending. */
function kept(logits: Float32Array, rule: Rule, scratch = new SamplerScratch(logits.length)): number[] {
  sampler(rule, { scratch })(logits, 0);
  return [...scratch.candidates.ids.subarray(0, scratch.candidates.count)];
}

/** The same as one would write it down: sort everything, cut, sort again, cut again. */
function plain(logits: Float32Array, rule: Rule): { id: number; weight: number }[] {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, typicalP = 1 } = rule;
  const largest = Math.max(...[...logits].filter((logit) => !Number.isNaN(logit)));
  let ranked = [...logits]
    .map((logit, id) => ({ id, score: Math.fround(logit === largest ? 0 : (logit - largest) * (1 / temperature)) }))
    // Below float32's normal numbers a weight counts as nothing.
    .filter(({ score }) => score >= Math.max(-128 * Math.LN2, Math.log(minP)))
    .sort((a, b) => b.score - a.score || a.id - b.id);
  if (topK > 0) ranked = ranked.slice(0, topK);
  if (topP < 1) ranked = firstReaching(ranked, topP);
  if (typicalP < 1) {
    const sum = ranked.reduce((total, { score }) => total + Math.exp(score), 0);
    const mean = ranked.reduce((total, { score }) => total + (Math.exp(score) / sum) * score, 0);
    const distance = ({ score }: { score: number }) => Math.fround(Math.abs(score - mean));
    ranked.sort((a, b) => distance(a) - distance(b) || a.id - b.id);
    ranked = firstReaching(ranked, typicalP);
  }
  return ranked.sort((a, b) => a.id - b.id).map(({ id, score }) => ({ id, weight: Math.exp(score) }));
}

function firstReaching<Entry extends { score: number }>(ranked: readonly Entry[], share: number): Entry[] {
  const sum = ranked.reduce((total, { score }) => total + Math.exp(score), 0);
  let reached = 0;
  return ranked.filter(({ score }, i) => {
    const keep = i === 0 || reached < share * sum;
    reached += Math.exp(score);
    return keep;
  });
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
  minP: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 999 }).map((thousandths) => thousandths / 1000),
  ),
});

interface Fixture {
  /** Logits, base64 of little-endian float32. */
  readonly rows: readonly string[];
  readonly prompt: readonly number[];
  readonly said: readonly number[];
  readonly endTokenIds: readonly number[];
  readonly cases: readonly {
    readonly row: number;
    readonly params: Omit<SamplingParams, 'logitBias'> & { readonly logitBias?: readonly [number, number][]; readonly minTokens?: number };
    readonly ids: readonly number[];
    readonly probabilities: readonly number[];
  }[];
}

t.test("draws from the tokens, by the probabilities, that transformers' processors leave", (t) => {
  const fixture: Fixture = JSON.parse(readFileSync(join(packageRoot, 'test', 'fixtures', 'sampling', 'cases.json'), 'utf8'));
  const rows = fixture.rows.map((row) => new Float32Array(Uint8Array.from(Buffer.from(row, 'base64')).buffer));
  for (const { row, params, ids, probabilities } of fixture.cases) {
    const { logitBias, minTokens = 0, ...rest } = params;
    const scratch = new SamplerScratch(rows[0]!.length);
    const choose = sampler(
      { ...rest, ...(logitBias !== undefined && { logitBias: new Map(logitBias) }) },
      { scratch, promptIds: fixture.prompt, minTokens: { count: minTokens, endTokenIds: new Set(fixture.endTokenIds) } },
    );
    // Rows that leave no choice make it say what the fixture has said.
    for (const [index, id] of fixture.said.entries()) choose(only(id, rows[0]!.length), index);
    const logits = rows[row]!.slice();
    choose(logits, fixture.said.length);
    const { candidates } = scratch;
    const name = JSON.stringify(params);
    t.strictSame([...candidates.ids.subarray(0, candidates.count)], ids, name);
    const sum = candidates.weigh();
    const worst = probabilities.reduce((most, p, i) => Math.max(most, Math.abs(candidates.weights[i]! / sum / p - 1)), 0);
    // The fixture has five digits.
    t.ok(worst < 6e-5, `${name}: probabilities differ by ${worst}`);
    t.strictSame(logits, rows[row], 'the logits are left as they are');
  }
  t.end();
});

function only(id: number, vocab: number): Float32Array {
  const logits = new Float32Array(vocab).fill(Number.NEGATIVE_INFINITY);
  logits[id] = 0;
  return logits;
}

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
  const scratch = new SamplerScratch(32_000);
  for (const [i, spread] of [0.1, 3].entries()) {
    const logits = gaussians(32_000, spread, i);
    for (const rule of [
      { temperature: 0.7, topK: 50, topP: 1 },
      { temperature: 1, topK: 0, topP: 0.9 },
      { temperature: 1.5, topK: 5000, topP: 0.95 },
      { temperature: 1, topK: 0, topP: 1, typicalP: 0.9 },
      { temperature: 1.2, topK: 0, topP: 0.99, minP: 1e-4, typicalP: 0.5 },
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

t.test('typical sampling keeps what a plain implementation keeps', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e6 }),
      fc.integer({ min: 1, max: 999 }),
      fc.double({ min: 0.1, max: 8, noNaN: true }),
      (seed, share, spread) => {
        const logits = gaussians(300, spread, seed);
        const rule = { typicalP: share / 1000 };
        assert.deepEqual(
          kept(logits, rule),
          plain(logits, rule).map(({ id }) => id),
        );
      },
    ),
    { numRuns: 100, seed: 6 },
  );
  t.pass('equal');
  t.end();
});

t.test('greedy is the first of the largest, whatever cuts are set; adjustments count', (t) => {
  t.equal(argmax(Float32Array.of(1, 3, Number.NaN, 3, 2)), 1);
  const scratch = new SamplerScratch(4);
  const row = Float32Array.of(-1, -5, Number.NEGATIVE_INFINITY, -1);
  t.equal(sampler({ temperature: 0, topP: 0.1, topK: 5 }, { scratch })(row, 0), 0);
  t.equal(sampler({ temperature: 0, logitBias: new Map([[1, 4.5]]) }, { scratch })(row, 0), 1);
  const penalised = sampler({ temperature: 0, presencePenalty: 1 }, { scratch });
  t.strictSame(
    [0, 1, 2].map((index) => penalised(row, index)),
    [0, 3, 0],
  );
  const unending = sampler({ temperature: 0 }, { scratch, minTokens: { count: 2, endTokenIds: new Set([0, 3]) } });
  t.strictSame(
    [0, 1, 2].map((index) => unending(row, index)),
    [1, 1, 0],
  );
  t.equal(
    sampler({ temperature: 1e-30 }, { scratch })(Float32Array.of(1, 5, 2, 4.999), 0),
    1,
    'a temperature near 0 neither overflows nor divides',
  );
  t.end();
});

t.test('a row without a finite logit is a failure of the model', (t) => {
  const scratch = new SamplerScratch(3);
  const rows = [new Float32Array(3).fill(Number.NaN), new Float32Array(3).fill(Number.NEGATIVE_INFINITY)];
  for (const row of rows) {
    for (const temperature of [0, 1]) {
      t.throws(() => sampler({ temperature, topP: 0.5, topK: 2, typicalP: 0.5, presencePenalty: 1 }, { scratch })(row, 0), EngineFailure);
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
    const choose = sampler(rule, { seed: 99, scratch: new SamplerScratch(30) });
    const draws = 20_000;
    const counts = new Map<number, number>();
    for (let index = 0; index < draws; index++) {
      const id = choose(logits, index);
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
  const scratch = new SamplerScratch(500);
  const rule = { temperature: 1, topK: 0, topP: 1 };
  const text = (seed: number, choice: number) =>
    Array.from({ length: 20 }, (_, i) => sampler(rule, { seed, stream: choice, scratch })(logits, i)).join();
  t.equal(text(1, 0), text(1, 0));
  t.not(text(1, 0), text(1, 1));
  t.not(text(1, 0), text(2, 0));
  t.end();
});
