/** Log probabilities against a plain log-softmax and a plain sort. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { EngineFailure } from '../../../inference/errors.ts';
import { scoreChoice } from '../../../inference/sampling/logprobs.ts';

t.test('are the log-softmax of the row, with the likeliest in order', (t) => {
  const logit = fc.oneof(
    { weight: 8, arbitrary: fc.float({ min: -60, max: 60, noNaN: true }) },
    { weight: 3, arbitrary: fc.integer({ min: -2, max: 2 }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NEGATIVE_INFINITY, Number.NaN) },
  );
  fc.assert(
    fc.property(fc.array(logit, { maxLength: 200 }), fc.integer({ min: -60, max: 60 }), fc.nat(25), fc.nat(), (row, sure, count, pick) => {
      const logits = Float32Array.from([...row, sure]);
      const usable = [...logits.keys()].filter((id) => !Number.isNaN(logits[id]) && logits[id] !== Number.NEGATIVE_INFINITY);
      const largest = Math.max(...usable.map((id) => logits[id]!));
      const norm = largest + Math.log(usable.reduce((sum, id) => sum + Math.exp(logits[id]! - largest), 0));
      const id = usable[pick % usable.length]!;
      const { logprob, top } = scoreChoice(logits, id, count);
      assert.ok(Math.abs(logprob - (logits[id]! - norm)) < 1e-9);
      const ranked = usable.toSorted((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
      assert.deepEqual(
        top.map((token) => token.id),
        ranked,
      );
      for (const token of top) assert.ok(Math.abs(token.logprob - (logits[token.id]! - norm)) < 1e-9);
    }),
    { numRuns: 300, seed: 3 },
  );
  t.pass('equal');
  t.end();
});

t.test('a token that cannot be has none, and a row without one that can is a failure of the model', (t) => {
  t.equal(scoreChoice(Float32Array.of(1, Number.NEGATIVE_INFINITY), 1, 0).logprob, Number.NEGATIVE_INFINITY);
  t.throws(() => scoreChoice(Float32Array.of(Number.NaN), 0, 1), EngineFailure);
  t.end();
});
