/** A request may wait for its turn so long, and no longer; the clock is the test's. */
import { getEventListeners } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { QueueTimeout } from '../../../inference/errors.ts';
import { alone, ask, never, read, start, words } from './engine-helper.ts';

const patient = { maxTokens: 200, stop: [], stopTokenIds: [] };

/** An engine with one slot in which a request may wait for a second. */
function startWaiting(t: Test) {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly then: () => void }>();
  const timer = (ms: number, then: () => void) => {
    const entry = { at: now + ms, then };
    timers.add(entry);
    return () => void timers.delete(entry);
  };
  const pass = (ms: number) => {
    now += ms;
    for (const entry of timers) {
      if (entry.at > now) continue;
      timers.delete(entry);
      entry.then();
    }
  };
  return { ...start(t, { slots: 1, eosChance: 0, queueTimeoutMs: 1000, timer }), timers, pass };
}

t.test('who waits for too long is refused, and nobody else', async (t) => {
  const { engine, timers, pass } = startWaiting(t);
  const running = read(engine.submit(ask(words(4), { stopping: patient }), never()));
  while (engine.stats().running === 0) await macrotask();
  t.equal(timers.size, 0, 'who has a slot is in no hurry');
  const leave = new AbortController();
  const late = t.rejects(read(engine.submit(ask(words(4)), leave.signal)), QueueTimeout);
  pass(600);
  const later = read(engine.submit(ask(words(5)), never()));
  const left = new AbortController();
  const gone = t.rejects(read(engine.submit(ask(words(5)), left.signal)), { name: 'AbortError' });
  left.abort();
  t.equal(engine.stats().waiting, 2, 'who leaves is gone at once');
  pass(500);
  await late;
  t.equal(engine.stats().waiting, 1);
  t.equal(getEventListeners(leave.signal, 'abort').length, 0);
  await gone;
  t.equal((await running).tokens, 200);
  t.equal((await later).tokens, 20);
  t.equal(timers.size, 0);
});

t.test('the refusal says when to come again', async (t) => {
  const { engine, pass } = startWaiting(t);
  const leave = new AbortController();
  const running = read(engine.submit(ask(words(4), { stopping: patient }), leave.signal)).catch(() => null);
  while (engine.stats().running === 0) await macrotask();
  const late = read(engine.submit(ask(words(4)), never()));
  pass(1000);
  const error = await late.catch((error: unknown) => error);
  t.match(error, { code: 'overloaded', message: /waited 1 s for its turn/ });
  t.ok(error instanceof QueueTimeout && error.retryAfterSeconds >= 1);
  leave.abort();
  await running;
});

t.test('who gave way to a better priority has had its turn, and may wait for any time', async (t) => {
  const { engine, pass } = startWaiting(t);
  const low = read(engine.submit({ ...ask(words(4), { stopping: patient }), priority: 1 }, never()));
  while (engine.stats().completionTokens < 10) await macrotask();
  const high = read(engine.submit(ask(words(6), { stopping: patient }), never()));
  while (engine.stats().preemptions === 0) await macrotask();
  pass(10_000);
  await high;
  t.strictSame((await low).texts, (await alone(ask(words(4), { stopping: patient }), { eosChance: 0 })).texts);
});
