import t from 'tap';
import { StepCosts } from '../../../inference/engine/speculation-costs.ts';
import { chooseRows, expectedTokens, type Prospect } from '../../../inference/engine/speculation-policy.ts';

const limits = { rowsPerSlot: 8, rows: 64 };
const guess = (confidence: number, most = 100): Prospect => ({ certain: 0, confidence, most });
/** Milliseconds of a machine on which so many rows cost no more than one. */
const flatUpTo = (free: number) => (rows: number) => 4 + Math.max(0, rows - free);

t.test('a run brings one token, and each guess as many as it is probable', (t) => {
  t.equal(expectedTokens(guess(0.5), 1), 1);
  t.equal(expectedTokens(guess(0.5), 4), 1 + 0.5 + 0.25 + 0.125);
  t.equal(expectedTokens(guess(0.5, 1), 8), 1.5, 'what cannot be used is none');
  t.equal(expectedTokens({ certain: 2, confidence: 0.5, most: 3 }, 4), 3.5);
  t.equal(expectedTokens({ certain: 0, confidence: 0, most: 3 }, 8), 1);
  t.end();
});

t.test('guesses are computed where they are likely enough for what they cost', (t) => {
  const dear = (rows: number) => rows;
  t.equal(chooseRows([guess(0.8)], 1, limits, flatUpTo(1)), 4);
  t.equal(chooseRows([guess(0.99)], 1, limits, flatUpTo(1)), 8);
  t.equal(chooseRows([guess(0.9)], 1, limits, flatUpTo(8)), 8);
  t.equal(chooseRows([guess(0.1)], 1, limits, flatUpTo(1)), 1);
  t.equal(chooseRows([guess(0.99)], 1, limits, dear), 1, 'where each row costs as much as the first, never');
  t.equal(chooseRows([guess(0.07)], 1, limits, flatUpTo(8)), 1, 'nor for next to nothing');
  t.end();
});

t.test('all slots of a run have the same number of rows, idle ones too', (t) => {
  const likely = guess(0.95);
  const never = guess(0);
  t.equal(chooseRows([likely, likely], 2, limits, flatUpTo(8)), 4);
  t.equal(chooseRows([likely, never, never, never], 4, limits, flatUpTo(4)), 1);
  t.equal(chooseRows([guess(0.5)], 1, limits, flatUpTo(4)), 4);
  t.equal(chooseRows([guess(0.5)], 4, limits, flatUpTo(4)), 1, 'three of them idle');
  t.end();
});

t.test('neither slots nor runs get more rows than they may have', (t) => {
  const free = () => 1;
  t.equal(chooseRows([guess(1)], 1, limits, free), 8);
  t.equal(chooseRows([guess(1)], 1, { rowsPerSlot: 2, rows: 64 }, free), 2);
  t.equal(
    chooseRows(
      Array.from({ length: 20 }, () => guess(1)),
      20,
      limits,
      free,
    ),
    2,
  );
  t.equal(
    chooseRows(
      Array.from({ length: 40 }, () => guess(1)),
      40,
      limits,
      free,
    ),
    1,
  );
  t.equal(chooseRows([], 1, limits, free), 1);
  t.end();
});

t.test('costs are learnt by the number of rows', (t) => {
  const costs = new StepCosts();
  t.ok(costs.estimate(4) > costs.estimate(1), 'before anything is seen');
  for (let i = 0; i < 5; i++) costs.observe(1, 10);
  t.equal(costs.estimate(1), 10);
  t.ok(costs.estimate(4) > 10 && costs.estimate(4) < 20, 'further rows are taken for cheap until they are tried');
  costs.observe(8, 100);
  t.ok(costs.estimate(8) < 40, 'a first run of its kind tells nothing');
  costs.observe(8, 24);
  t.equal(costs.estimate(8), 24);
  t.equal(costs.estimate(4), 10 + (14 * 3) / 7, 'between two that are known');
  for (let i = 0; i < 30; i++) costs.observe(1, i % 10 === 0 ? 500 : 10);
  t.ok(costs.estimate(1) < 60, 'a run that was held up counts for little');
  t.end();
});

t.test('what was seen long ago is forgotten', (t) => {
  const costs = new StepCosts();
  for (let i = 0; i < 2; i++) costs.observe(2, 1000);
  for (let i = 0; i < 3000; i++) costs.observe(1, 10);
  t.ok(costs.estimate(2) < 20);
  t.end();
});
