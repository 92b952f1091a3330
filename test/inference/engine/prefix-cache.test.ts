/** What was computed once is not computed again, and nobody can tell by an answer. */
import { setImmediate as macrotask } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import type { EngineRequest } from '../../../inference/engine/request.ts';
import type { ArithmeticRunner } from './arithmetic-runner.ts';
import { type Answer, alone, ask, image, never, placeholders, read, start, words } from './engine-helper.ts';

const setup = { eosChance: 0, maxModelLen: 1000, decodedDiffers: true };
const computed = (runner: ArithmeticRunner) => runner.calls.reduce((sum, call) => sum + (call.kind === 'prefill' ? call.tokens : 0), 0);
const cachedOf = ({ events }: Answer) => events.flatMap((event) => (event.type === 'done' ? [event.usage.cachedTokens] : []))[0];
const idsOf = ({ events }: Answer) => events.flatMap((event) => (event.type === 'text' ? [...event.tokenIds] : []));
const uncached = async (request: EngineRequest) => (await alone(request, { ...setup, prefixCache: false })).texts;

t.test('a conversation about a picture pays for each turn once', async (t) => {
  const { engine, runner } = start(t, setup);
  let ids = [...words(10), ...placeholders, ...words(30, 2)];
  let asked = 0;
  for (let turn = 0; turn < 4; turn++) {
    const request = ask(ids, { images: [image(1)] });
    const answer = await read(engine.submit(request, never()));
    t.strictSame(answer.texts, await uncached(request), `turn ${turn}`);
    t.equal(cachedOf(answer), asked, 'all that was asked before');
    asked = ids.length;
    ids = [...ids, ...idsOf(answer), ...words(20, turn + 5)];
  }
  t.equal(computed(runner), asked);
  t.match(engine.stats(), { promptTokens: asked, copiedTokens: 0, imagesEncoded: 1, imageCacheHits: 0 });
});

t.test('several choices of a prompt compute it once', async (t) => {
  const { engine, runner } = start(t, { ...setup, slots: 3 });
  const request = ask([...words(100), ...placeholders, ...words(100, 2)], {
    images: [image(1)],
    n: 5,
    sampling: { temperature: 1, topP: 1, topK: 0, seed: 3 },
  });
  const answer = await read(engine.submit(request, never()));
  t.strictSame(answer.texts, await uncached(request));
  t.equal(computed(runner), 203 + 4 * 2, 'and for each further choice its last two tokens');
  t.equal(cachedOf(answer), 0, 'none of it was there before');
});

t.test('requests that come together share what they begin with', async (t) => {
  const { engine, runner } = start(t, setup);
  const requests = [1, 2, 3].map((seed) => ask([...words(50), ...placeholders, ...words(10, seed + 3)], { images: [image(1)] }));
  const answers = await Promise.all(requests.map((request) => read(engine.submit(request, never()))));
  for (const [i, request] of requests.entries()) t.strictSame(answers[i]?.texts, await uncached(request));
  t.equal(computed(runner), 53 + 3 * 10);
  t.strictSame(answers.map(cachedOf), [0, 53, 53]);
  t.match(engine.stats(), { cachedTokens: 2 * 53, copiedTokens: 2 * 53 });
});

t.test('nothing is shared behind another picture, under another salt, or when it is turned off', async (t) => {
  const { engine } = start(t, setup);
  const ids = [...words(40), ...placeholders, ...words(30, 2)];
  const cached = async (change: Partial<EngineRequest>) => {
    const request = ask(ids, { images: [image(1)], ...change });
    const answer = await read(engine.submit(request, never()));
    t.strictSame(answer.texts, await uncached(request));
    return cachedOf(answer);
  };
  t.equal(await cached({}), 0);
  t.equal(await cached({ images: [image(2)] }), 40, 'what is before the picture');
  t.equal(await cached({ salt: 'other' }), 0);
  t.equal(await cached({ salt: 'other' }), 71);
  t.equal(await cached({}), 71);
  const off = start(t, { ...setup, prefixCache: false });
  for (let i = 0; i < 2; i++) t.equal(cachedOf(await read(off.engine.submit(ask(ids, { images: [image(1)] }), never()))), 0);
  t.match(off.engine.stats(), { cachedTokens: 0, copiedTokens: 0 });
});

t.test('whoever is to hear of every token of the prompt has all of them computed', async (t) => {
  const { engine } = start(t, setup);
  const heard = { logprobs: 0, promptLogprobs: true };
  const ids = [...words(40), ...placeholders, ...words(30, 2)];
  for (const output of [{}, heard, heard]) {
    const answer = await read(engine.submit(ask(ids, { images: [image(1)], output, n: 2 }), never()));
    t.equal(cachedOf(answer), 0);
    t.equal(
      answer.events.some((event) => event.type === 'prompt' && event.logprobs.length === ids.length),
      output === heard,
    );
  }
});

t.test('the prompt used least recently makes room', async (t) => {
  const { engine } = start(t, { ...setup, slots: 2 });
  const hits: (number | undefined)[] = [];
  for (const seed of [1, 2, 1, 3, 1, 2]) hits.push(cachedOf(await read(engine.submit(ask(words(60, seed)), never()))));
  t.strictSame(hits, [0, 0, 58, 0, 58, 0]);
});

t.test('a picture whose tokens are in the cache is not asked for, and one that is cut by the end of what is shared is', async (t) => {
  const { engine } = start(t, { ...setup, imageCacheBytes: 0 });
  let loads = 0;
  const picture = image(1, () => loads++);
  const whole = ask([...words(40), ...placeholders, 5, 6], { images: [picture] });
  await read(engine.submit(whole, never()));
  await read(engine.submit(whole, never()));
  t.equal(loads, 1);
  const cut = ask([...words(40), ...placeholders], { images: [picture] });
  t.strictSame((await read(engine.submit(cut, never()))).texts, await uncached(cut));
  t.match(engine.stats(), { imagesEncoded: 2 });
});

t.test('a copy that fails takes its own request along, and what it was to keep for others is forgotten', async (t) => {
  const { engine, runner } = start(t, { ...setup, slots: 3 });
  runner.before = (call) => {
    if (call.kind === 'copy') throw new Error('no');
  };
  const talk = (seed: number, maxTokens = 20) =>
    ask([...words(50), ...words(30, seed)], { stopping: { maxTokens, stop: [], stopTokenIds: [] } });
  const running = read(engine.submit(talk(1, 200), never()));
  await t.rejects(read(engine.submit(talk(2), never())), { name: 'EngineFailure', message: /copied within the cache/ });
  t.equal((await running).tokens, 200);
  runner.before = () => {};
  for (const seed of [1, 2, 3, 4]) t.strictSame((await read(engine.submit(talk(seed), never()))).texts, await uncached(talk(seed)));
  t.match(engine.stats(), { running: 0, waiting: 0 });
});

/** One of a few prompts that begin alike, with pictures or without, and sampled in its own way. */
function anyRequest({ family, own, length, seed, salted }: { family: number; own: number; length: number; seed: number; salted: boolean }) {
  const images = family === 0 ? [] : [image(family), ...(own % 2 === 0 ? [image(own)] : [])];
  const ids = [
    ...words(20, 1),
    ...(images[0] ? placeholders : []),
    ...words(length, family + 2),
    ...(images[1] ? placeholders : []),
    ...words(1 + (own % 7), own + 9),
  ];
  return ask(ids, {
    images,
    n: seed % 4 === 0 ? 2 : 1,
    sampling: { temperature: seed % 2, topP: 0.95, topK: 0, seed },
    stopping: { maxTokens: 1 + (seed % 30), stop: [], stopTokenIds: [] },
    ...(salted && { salt: 'tenant' }),
  });
}

t.test('over random requests that begin alike, cancelled or not, in few slots, answers are those of a cache that is off', async (t) => {
  const client = fc.record({
    family: fc.nat(2),
    own: fc.nat(5),
    length: fc.constantFrom(5, 40, 90),
    seed: fc.nat(30),
    salted: fc.boolean(),
    delay: fc.nat(120),
    leaves: fc.option(fc.nat(40), { freq: 3 }),
  });
  let reused = 0;
  let copied = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(client, { minLength: 10, maxLength: 20 }), fc.integer({ min: 2, max: 7 }), async (clients, slots) => {
      const closers: (() => Promise<void>)[] = [];
      const owner = { teardown: (close: () => Promise<void>) => void closers.push(close) };
      const { engine } = start(owner, { ...setup, eosChance: 1, slots, prefillChunk: 24, imageCacheBytes: 100 });
      await Promise.all(
        clients.map(async (each) => {
          for (let wait = each.delay; wait > 0; wait--) await macrotask();
          const controller = new AbortController();
          const reading = read(engine.submit(anyRequest(each), controller.signal)).catch((error: unknown) => error);
          if (each.leaves !== null) {
            for (let wait = each.leaves; wait > 0; wait--) await macrotask();
            controller.abort(new Error('gone'));
          }
          const answer = await reading;
          if (answer instanceof Error) t.equal(answer.message, 'gone');
          else
            t.strictSame((answer as Answer).texts, (await alone(anyRequest(each), { ...setup, eosChance: 1, prefixCache: false })).texts);
        }),
      );
      const stats = engine.stats();
      t.match(stats, { running: 0, waiting: 0, freeSlots: slots });
      reused += stats.cachedTokens;
      copied += stats.copiedTokens;
      for (const close of closers) await close();
    }),
    { numRuns: 15, seed: 4 },
  );
  t.ok(reused > 1000 && copied > 500, `${reused} tokens were reused, ${copied} copied`);
});
