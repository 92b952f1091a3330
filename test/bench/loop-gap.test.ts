import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { LoopGap } from './loop-gap.ts';

t.test('a blocked loop is a gap, until measuring starts anew', async (t) => {
  const gap = new LoopGap();
  t.teardown(() => gap.stop());
  gap.start();
  await delay(5);
  const until = performance.now() + 150;
  while (performance.now() < until);
  await delay(5);
  t.ok(gap.longest() > 120, `${gap.longest()} ms`);
  gap.start();
  t.equal(gap.longest(), 0);
});
