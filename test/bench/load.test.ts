import t from 'tap';
import { closedLoop } from './load.ts';
import { median, percentile } from './statistics.ts';

t.test('percentiles are interpolated', async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([1, 2, 3, 4]), 2.5);
  t.equal(percentile([0, 10], 0.95), 9.5);
  t.ok(Number.isNaN(median([])));
});

t.test('clients share the requests, never more than one each at once', async (t) => {
  let running = 0;
  let most = 0;
  const asked: number[] = [];
  const load = await closedLoop(3, 10, async (request) => {
    asked.push(request);
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    return { tokens: 5, firstTokenMs: request, gapsMs: [request, request] };
  });
  t.strictSame(
    asked,
    Array.from({ length: 10 }, (_, i) => i),
  );
  t.equal(most, 3);
  t.equal(load.tokens, 50);
  t.equal(load.firstTokenMs.median, 4.5);
  t.equal(load.gapMs.median, 4.5);
  t.ok(Math.abs(load.tokensPerSecond - 50_000 / load.wallMs) < 1e-6);
});

t.test('a failed request fails the load', async (t) => {
  await t.rejects(
    closedLoop(2, 4, async () => {
      throw new Error('refused');
    }),
    /refused/,
  );
});
