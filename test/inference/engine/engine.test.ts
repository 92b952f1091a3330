import { getEventListeners } from 'node:events';
import { setImmediate as macrotask } from 'node:timers/promises';
import t from 'tap';
import { ContextLengthExceeded, ImageCountMismatch, QueueFull, RequestError } from '../../../inference/errors.ts';
import { EOS, IMAGE } from './arithmetic-runner.ts';
import { alone, ask, image, never, placeholders, read, start, words } from './engine-helper.ts';

t.test('a request becomes text, a finish for each choice, and a count of what it cost', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const answer = await read(
    engine.submit(ask([5, ...placeholders, 6], { images: [image(1)], stopping: { maxTokens: 7, stop: [], stopTokenIds: [] } }), never()),
  );
  t.equal(answer.texts[0]?.length, 7);
  t.match(answer.events.at(-2), { type: 'finish', choice: 0, reason: 'length', completionTokens: 7 });
  t.match(answer.events.at(-1), {
    type: 'done',
    usage: { promptTokens: 5, completionTokens: 7, imageTokens: 3, cachedTokens: 0 },
    timings: { queueMs: Number, prefillMs: Number, decodeMs: Number },
  });
  t.match(engine.stats(), { running: 0, waiting: 0, slots: 4, freeSlots: 4, promptTokens: 5, completionTokens: 7, imagesEncoded: 1 });
});

t.test('ids of the text events, joined, are the tokens of the text', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const answer = await read(engine.submit(ask(words(9)), never()));
  const ids = answer.events.flatMap((event) => (event.type === 'text' ? event.tokenIds : []));
  t.equal(ids.length, 20);
  t.equal(String.fromCharCode(...ids.map((id) => 48 + id)), answer.texts[0]);
});

t.test('the end token ends the text, is counted, and is not shown', async (t) => {
  const { engine } = start(t, { eosChance: 16 });
  const answer = await read(engine.submit(ask(words(9), { stopping: { stop: [], stopTokenIds: [] } }), never()));
  t.equal(answer.reasons[0], 'stop');
  t.equal(answer.tokens, (answer.texts[0]?.length ?? 0) + 1);
  t.notOk(answer.texts[0]?.includes(String.fromCharCode(48 + EOS)));
});

t.test('stop strings and stop ids end the text before them', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const full = (await read(engine.submit(ask(words(5)), never()))).texts[0] ?? '';
  const stop = full.slice(8, 11);
  const cut = await read(engine.submit(ask(words(5), { stopping: { maxTokens: 20, stop: ['never', stop], stopTokenIds: [] } }), never()));
  t.equal(cut.texts[0], full.slice(0, full.indexOf(stop)));
  t.equal(cut.reasons[0], 'stop');
  const id = full.charCodeAt(6) - 48;
  const byId = await read(engine.submit(ask(words(5), { stopping: { maxTokens: 20, stop: [], stopTokenIds: [id] } }), never()));
  t.equal(byId.texts[0] ?? '', full.slice(0, full.indexOf(full[6] ?? '')));
  t.equal(byId.reasons[0], 'stop');
});

t.test('the end of the context ends the text, also while others decode beside it', async (t) => {
  const { engine } = start(t, { eosChance: 0, maxModelLen: 40 });
  const stopping = { stop: [], stopTokenIds: [] };
  const answers = await Promise.all([39, 30, 1, 39].map((length) => read(engine.submit(ask(words(length), { stopping }), never()))));
  t.strictSame(
    answers.map((answer) => [answer.tokens, answer.reasons[0]]),
    [
      [1, 'length'],
      [10, 'length'],
      [39, 'length'],
      [1, 'length'],
    ],
  );
});

t.test('refuses at once what cannot be served', async (t) => {
  const { engine } = start(t, { slots: 1, maxQueue: 1, maxModelLen: 32 });
  t.throws(() => engine.submit(ask([]), never()), RequestError);
  t.throws(() => engine.submit(ask(words(32), { stopping: { stop: [], stopTokenIds: [] } }), never()), ContextLengthExceeded);
  t.throws(() => engine.submit(ask(words(20)), never()), { code: 'context_length_exceeded', message: /32 .*40 .*20 in the prompt/ });
  t.throws(() => engine.submit(ask(words(3), { stopping: { maxTokens: 0, stop: [], stopTokenIds: [] } }), never()), {
    message: /max_tokens is 0/,
  });
  t.throws(() => engine.submit(ask(words(3), { n: 3 }), never()), { message: /n is 3.* from 1 to 2/ });
  t.throws(() => engine.submit(ask(words(3), { images: [image(1)] }), never()), ImageCountMismatch);
  t.throws(() => engine.submit(ask([IMAGE, IMAGE], { images: [] }), never()), ImageCountMismatch);
  t.throws(() => engine.submit(ask(words(3)), AbortSignal.abort()), { name: 'AbortError' });
  t.match(engine.stats(), { running: 0, waiting: 0 });
});

t.test('a full queue refuses with the time to come again, and takes work again when there is room', async (t) => {
  const { engine } = start(t, { slots: 1, maxQueue: 2 });
  const accepted = [1, 2, 3].map((seed) => read(engine.submit(ask(words(4, seed)), never())));
  t.throws(() => engine.submit(ask(words(4)), never()), QueueFull);
  try {
    engine.submit(ask(words(4)), never());
  } catch (error) {
    t.ok(error instanceof QueueFull && error.retryAfterSeconds >= 1);
  }
  await Promise.all(accepted);
  t.ok(await read(engine.submit(ask(words(4)), never())));
});

t.test('a text model takes any token id and no image', async (t) => {
  const { engine } = start(t, { withVision: false, eosChance: 0 });
  t.equal((await read(engine.submit(ask([IMAGE, 5]), never()))).tokens, 20);
  t.throws(() => engine.submit(ask([5], { images: [image(1)] }), never()), ImageCountMismatch);
});

t.test('choices share the images and differ by their random streams', async (t) => {
  const { engine, runner } = start(t, { eosChance: 0 });
  const request = ask([4, ...placeholders, 9], { images: [image(3)], n: 3, sampling: { temperature: 1, topP: 1, topK: 0, seed: 11 } });
  const answer = await read(engine.submit(request, never()));
  t.equal(new Set(answer.texts).size, 3);
  t.equal(runner.calls.filter((call) => call.kind === 'encode').length, 1);
  const again = await read(engine.submit({ ...request, n: 2 }, never()));
  t.strictSame(again.texts, answer.texts.slice(0, 2), 'the same seed gives the same texts');
  const greedy = await read(engine.submit({ ...request, sampling: { temperature: 0, topP: 1, topK: 0 } }, never()));
  t.equal(new Set(greedy.texts).size, 1);
  const unseeded = { ...request, n: 1, sampling: { temperature: 1, topP: 1, topK: 0 } };
  const first = await read(engine.submit(unseeded, never()));
  t.not((await read(engine.submit(unseeded, never()))).texts[0], first.texts[0], 'without a seed each time another');
});

t.test('a long prompt does not stall those who decode', async (t) => {
  const { engine, runner } = start(t, { eosChance: 0, maxModelLen: 2000, prefillChunk: 32 });
  const short = engine.submit(ask(words(3), { stopping: { maxTokens: 100, stop: [], stopTokenIds: [] } }), never());
  const first = await short.next();
  t.equal(first.done, false);
  const long = read(engine.submit(ask(words(1500, 2)), never()));
  await read(short);
  await long;
  let between = 0;
  let worst = 0;
  let decodedShort = 0;
  for (const call of runner.calls) {
    if (call.kind === 'prefill' && call.slot === 1) between += call.tokens;
    if (call.kind !== 'decode' || call.firstSlot !== 0) continue;
    worst = Math.max(worst, between);
    between = 0;
    decodedShort++;
  }
  t.ok(worst <= 32 && worst > 0, `at most 32 prompt tokens between two decode steps, found ${worst}`);
  t.ok(decodedShort >= 99);
});

t.test('short prompts do not wait for the whole of a long one, nor does it wait for all of them', async (t) => {
  const { engine, runner } = start(t, { eosChance: 0, maxModelLen: 5000, slots: 8, prefillChunk: 128 });
  const decoding = read(engine.submit(ask(words(3), { stopping: { maxTokens: 60, stop: [], stopTokenIds: [] } }), never()));
  const long = read(engine.submit(ask(words(4000, 2)), never()));
  while (engine.stats().prefillChunks < 3) await macrotask();
  const before = runner.calls.length;
  const short = await Promise.all([3, 4, 5].map((seed) => read(engine.submit(ask(words(100, seed)), never()))));
  t.strictSame(
    short.map(({ tokens }) => tokens),
    [20, 20, 20],
  );
  const chunks = runner.calls.slice(before).flatMap((call) => (call.kind === 'prefill' ? [call.tokens] : []));
  t.ok(chunks.indexOf(100) <= 1 && chunks.lastIndexOf(100) <= 5, `chunks of ${chunks.slice(0, 10).join(', ')} tokens`);
  await Promise.all([decoding, long]);
  let between = 0;
  for (const call of runner.calls.slice(0, before + 60)) {
    between = call.kind === 'prefill' ? between + call.tokens : 0;
    if (between > 128) t.fail(`${between} prompt tokens between two steps`);
  }
});

t.test('a long prompt goes in chunks', async (t) => {
  const { engine, runner } = start(t, { eosChance: 0, maxModelLen: 2000, prefillChunk: 512 });
  await read(engine.submit(ask(words(1200)), never()));
  t.strictSame(
    runner.calls.filter((call) => call.kind === 'prefill').map((call) => call.tokens),
    [512, 512, 176],
  );
});

t.test('a slow reader is paused, stalls nobody, and gets the whole text when it reads on', async (t) => {
  const { engine } = start(t, { eosChance: 0, maxUnread: 8 });
  const stopping = { maxTokens: 100, stop: [], stopTokenIds: [] };
  const expected = await alone(ask(words(6), { stopping }), { eosChance: 0 });
  const controller = new AbortController();
  const slow = engine.submit(ask(words(6), { stopping }), controller.signal);
  t.match(await slow.next(), { value: { type: 'begin' } });
  await slow.next();
  await read(engine.submit(ask(words(9, 4), { stopping }), never()));
  await read(engine.submit(ask(words(9, 5), { stopping }), never()));
  const { completionTokens, running } = engine.stats();
  t.ok(completionTokens <= 200 + 12, `the slow one was paused: ${completionTokens - 200} of 100 tokens`);
  t.equal(running, 1, 'and has kept its slot');
  const rest = await read(slow);
  t.equal(rest.texts[0], expected.texts[0]?.slice(1));
  t.equal(getEventListeners(controller.signal, 'abort').length, 0);
});
