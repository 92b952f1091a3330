/** Whatever shares the batch, and whoever leaves it, each sequence gets what it gets alone. */
import { getEventListeners } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import type { EngineRequest } from '../../../inference/engine/request.ts';
import { type Answer, alone, ask, image, never, placeholders, read, start, words } from './engine-helper.ts';

/** A request that depends on its number alone: with or without pictures, greedy or seeded, short or long, one choice or two. */
function request(number: number): EngineRequest {
  const images = number % 3 === 0 ? [image(number % 5)] : number % 7 === 0 ? [image(1), image(number)] : [];
  const ids = [...words(1 + ((number * 37) % 90), number), ...images.flatMap(() => [...placeholders, 8]), ...words(number % 4, 9)];
  return ask(ids, {
    images,
    n: number % 5 === 0 ? 2 : 1,
    sampling: { temperature: number % 2 === 0 ? 0 : 1, topP: number % 4 === 1 ? 0.9 : 1, topK: number % 4 === 3 ? 10 : 0, seed: number },
    stopping: { maxTokens: 1 + ((number * 11) % 40), stop: [], stopTokenIds: [] },
  });
}

const outcome = ({ texts, reasons, tokens }: Answer) => ({ texts, reasons, tokens });

t.test('32 sequences that come and go at random get the same each as alone', async (t) => {
  const expected = await Promise.all(Array.from({ length: 32 }, async (_, i) => outcome(await alone(request(i)))));
  const { engine, runner } = start(t, { slots: 8, prefillChunk: 24 });
  const answers = await Promise.all(
    expected.map(async (_, i) => {
      for (let wait = (i * 13) % 50; wait > 0; wait--) await macrotask();
      return outcome(await read(engine.submit(request(i), never())));
    }),
  );
  t.strictSame(answers, expected);
  t.ok(
    runner.calls.some((call) => call.kind === 'decode' && call.rows >= 6),
    'they did share runs',
  );
  t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: 8 });
});

t.test('random cancellations disturb nobody and leave no slot and no listener', async (t) => {
  const expected = await Promise.all(Array.from({ length: 16 }, async (_, i) => outcome(await alone(request(i)))));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ delay: fc.nat(30), leaves: fc.option(fc.nat(40)), byBreak: fc.boolean() }), { minLength: 16, maxLength: 16 }),
      async (clients) => {
        const closers: (() => Promise<void>)[] = [];
        const { engine } = start({ teardown: (close) => closers.push(close) }, { slots: 4, prefillChunk: 24, imageCacheBytes: 200 });
        const signals: AbortSignal[] = [];
        await Promise.all(
          clients.map(async ({ delay, leaves, byBreak }, i) => {
            for (let wait = delay; wait > 0; wait--) await macrotask();
            const controller = new AbortController();
            signals.push(controller.signal);
            const stream = engine.submit(request(i), controller.signal);
            if (leaves === null) {
              t.strictSame(outcome(await read(stream)), expected[i]);
            } else if (byBreak) {
              let events = 0;
              for await (const _ of stream) if (events++ >= leaves) break;
            } else {
              const reading = read(stream).catch((error: unknown) => error);
              for (let wait = leaves; wait > 0; wait--) await macrotask();
              controller.abort(new Error('gone'));
              const result = await reading;
              if (result instanceof Error) t.equal(result.message, 'gone');
            }
          }),
        );
        t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: 4 });
        for (const signal of signals) t.equal(getEventListeners(signal, 'abort').length, 0);
        for (const close of closers) await close();
      },
    ),
    { numRuns: 15, seed: 20 },
  );
});

t.test('a cancelled request frees its slot at the next step, in each phase', async (t) => {
  const { engine, runner } = start(t, { slots: 1, eosChance: 0, maxModelLen: 4000, prefillChunk: 64 });
  const stopping = { maxTokens: 1000, stop: [], stopTokenIds: [] };
  const blocker = new AbortController();
  const blocking = read(engine.submit(ask(words(4), { stopping }), blocker.signal)).catch((error: unknown) => error);

  const whileWaiting = new AbortController();
  const waiting = read(engine.submit(ask(words(4)), whileWaiting.signal)).catch((error: unknown) => error);
  t.equal(engine.stats().waiting, 2, 'neither has a slot before the next step');
  await macrotask();
  t.match(engine.stats(), { waiting: 1, running: 1 });
  whileWaiting.abort();
  t.equal(engine.stats().waiting, 0);
  t.match(await waiting, { name: 'AbortError' });

  blocker.abort();
  t.match(await blocking, { name: 'AbortError' });
  t.equal(engine.stats().running, 0, 'while decoding');

  const whilePrefilling = new AbortController();
  const prefilling = read(engine.submit(ask(words(2000), { stopping }), whilePrefilling.signal)).catch((error: unknown) => error);
  runner.before = () => {
    if (engine.stats().prefillChunks >= 4) whilePrefilling.abort();
  };
  await prefilling;
  t.ok(engine.stats().prefillChunks < 10, 'while prefilling');
  t.equal(engine.stats().running, 0);

  const whileEncoding = new AbortController();
  const encoding = read(engine.submit(ask([...placeholders], { images: [image(1)] }), whileEncoding.signal)).catch(
    (error: unknown) => error,
  );
  runner.before = (call) => {
    if (call.kind === 'encode') whileEncoding.abort();
  };
  await encoding;
  t.equal(engine.stats().running, 0, 'while its image is encoded');

  const whileLoading = new AbortController();
  let loaded = (_: Float32Array) => {};
  const pixels = new Promise<Float32Array>((resolve) => {
    loaded = resolve;
  });
  const loading = read(engine.submit(ask([...placeholders], { images: [{ hash: 'late', pixels: () => pixels }] }), whileLoading.signal));
  const refused = t.rejects(loading, { name: 'AbortError' });
  await macrotask();
  whileLoading.abort();
  await refused;
  t.equal(engine.stats().running, 0, 'while its pixels are on their way');
  loaded(new Float32Array(12));

  runner.before = () => {};
  t.equal((await read(engine.submit(ask(words(5)), never()))).tokens, 20, 'and the slot serves the next');
});
