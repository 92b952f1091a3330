/** Runs that fail, and the end of the engine. */
import { getEventListeners } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import t from 'tap';
import { EngineFailure, ShuttingDown } from '../../../inference/errors.ts';
import { alone, ask, never, read, start, words } from './engine-helper.ts';

const patient = { maxTokens: 60, stop: [], stopTokenIds: [] };

t.test('a failing prefill fails its own request only', async (t) => {
  const { engine, runner } = start(t, { eosChance: 0 });
  const other = read(engine.submit(ask(words(5), { stopping: patient }), never()));
  runner.before = (call) => {
    if (call.kind === 'prefill' && call.tokens === 9) throw new Error('out of memory at 0x1234');
  };
  const controller = new AbortController();
  await t.rejects(read(engine.submit(ask(words(9), { n: 2 }), controller.signal)), {
    name: 'EngineFailure',
    message: 'A prefill run failed.',
    cause: { message: 'out of memory at 0x1234' },
  });
  t.equal(getEventListeners(controller.signal, 'abort').length, 0);
  t.equal((await other).tokens, 60);
  t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: 4 });
});

t.test('a failing decode run fails those in it, and the engine goes on', async (t) => {
  const { engine, runner } = start(t, { eosChance: 0 });
  let failed = false;
  runner.before = (call) => {
    if (call.kind === 'decode' && call.rows === 2 && !failed) {
      failed = true;
      throw new Error('no');
    }
  };
  const results = await Promise.allSettled([1, 2].map((seed) => read(engine.submit(ask(words(5, seed), { stopping: patient }), never()))));
  t.strictSame(
    results.map((result) => result.status === 'rejected' && result.reason instanceof EngineFailure),
    [true, true],
  );
  const next = await read(engine.submit(ask(words(7)), never()));
  t.strictSame(next.texts, (await alone(ask(words(7)), { eosChance: 0 })).texts);
});

t.test('logits without a number fail the sequence, whether greedy or drawn', async (t) => {
  for (const temperature of [0, 1]) {
    const { engine, runner } = start(t, { eosChance: 0 });
    const prefill = runner.prefill.bind(runner);
    runner.prefill = async (chunk) => (await prefill(chunk))?.fill(Number.NaN) ?? null;
    await t.rejects(read(engine.submit(ask(words(5), { sampling: { temperature, topP: 0.9, topK: 5 } }), never())), EngineFailure);
    t.equal(engine.stats().running, 0);
  }
});

t.test('a closing engine refuses new and waiting work, and lets running requests finish', async (t) => {
  const { engine } = start(t, { slots: 1, eosChance: 0 });
  const running = read(engine.submit(ask(words(5), { stopping: patient }), never()));
  const waiting = read(engine.submit(ask(words(5)), never()));
  const refused = t.rejects(waiting, ShuttingDown);
  await macrotask();
  const closed = engine.close(60_000);
  t.equal(engine.close(), closed, 'closing twice is closing once');
  t.throws(() => engine.submit(ask(words(5)), never()), ShuttingDown);
  await refused;
  t.equal((await running).tokens, 60);
  await closed;
  t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: 1 });
});

t.test('requests that outlast the grace fail, also one that nobody reads', async (t) => {
  const { engine } = start(t, { eosChance: 0, maxUnread: 4 });
  const controller = new AbortController();
  const unread = engine.submit(ask(words(5), { stopping: patient }), controller.signal);
  const loading = read(
    engine.submit(ask([1, 1, 1], { images: [{ hash: 'never', pixels: () => new Promise<Float32Array>(() => {}) }] }), never()),
  );
  const refused = t.rejects(loading, ShuttingDown);
  while (engine.stats().completionTokens < 3) await macrotask();
  await engine.close(1);
  await refused;
  await t.rejects(unread.next(), ShuttingDown);
  t.strictSame(await unread.next(), { done: true, value: undefined });
  t.equal(getEventListeners(controller.signal, 'abort').length, 0);
  t.match(engine.stats(), { running: 0, waiting: 0 });
});

t.test('an idle engine closes at once', async (t) => {
  const { engine, runner } = start(t);
  await engine.close(60_000);
  t.equal(runner.calls.length, 0);
});
