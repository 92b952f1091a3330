/** Whatever is guessed, right or wrong, nobody can tell by an answer. */
import { setImmediate as macrotask } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import type { EngineRequest } from '../../../inference/engine/request.ts';
import { rowsAreExact } from '../../../inference/engine/speculation-check.ts';
import { ArithmeticRunner } from './arithmetic-runner.ts';
import { type Answer, alone, ask, image, never, placeholders, read, start, words } from './engine-helper.ts';

const setup = { decodedDiffers: true, rowsPerSlot: 8, speculation: true } as const;
const plain = { decodedDiffers: true };

/** Few tokens, in an order that depends on all that is in the cache: guesses are right about as often as not. */
const among = (count: number) => new Map(Array.from({ length: count }, (_, i) => [20 + i, 50] as const));

/** All that was said, however it was cut into events. */
function outcome({ events, texts, reasons, tokens }: Answer) {
  const ids: number[][] = [];
  const logprobs: number[][] = [];
  const sums: (number | undefined)[] = [];
  for (const event of events) {
    if (event.type === 'text') {
      ids[event.choice] = [...(ids[event.choice] ?? []), ...event.tokenIds];
      logprobs[event.choice] = [
        ...(logprobs[event.choice] ?? []),
        ...(event.logprobs ?? []).flatMap(({ logprob, offset, top }) => [logprob, offset, ...top.map((each) => each.logprob)]),
      ];
    }
    if (event.type === 'finish') sums[event.choice] = event.logprob;
  }
  return { texts, reasons, tokens, ids, logprobs, sums };
}

/** A request that depends on its number alone: of every kind of sampling and stopping, with pictures or without. */
function request(number: number): EngineRequest {
  const images = number % 5 === 0 ? [image(number % 3)] : [];
  const repeated = words(3, number % 4);
  const ids = [...words(1 + ((number * 37) % 50), number % 6), ...images.flatMap(() => [...placeholders, 8]), ...repeated, ...repeated];
  return ask(ids, {
    images,
    n: number % 7 === 0 ? 2 : 1,
    sampling: {
      temperature: number % 3 === 0 ? 1 : 0,
      topP: number % 4 === 1 ? 0.9 : 1,
      topK: 0,
      seed: number,
      ...(number % 8 !== 7 && { logitBias: among(1 + (number % 4)) }),
      ...(number % 4 === 2 && { frequencyPenalty: 0.7, presencePenalty: 0.5 }),
      ...(number % 4 === 3 && { repetitionPenalty: 1.3 }),
    },
    stopping: {
      maxTokens: 1 + ((number * 11) % 60),
      stop: number % 6 === 1 ? ['DDE', 'FF'] : [],
      stopTokenIds: number % 9 === 4 ? [22] : [],
      minTokens: number % 5,
      includeStop: number % 2 === 1,
    },
    ...(number % 3 === 1 && { output: { logprobs: 2 } }),
    ...(number % 11 === 3 && { salt: 'tenant' }),
  });
}

t.test('40 sequences of every kind get together, with guesses, what each gets alone without', async (t) => {
  const expected = await Promise.all(Array.from({ length: 40 }, async (_, i) => outcome(await alone(request(i), plain))));
  for (const slots of [1, 3, 8]) {
    const { engine, runner } = start(t, { ...setup, slots, prefillChunk: 24 });
    const answers = await Promise.all(
      expected.map(async (_, i) => {
        for (let wait = (i * 13) % 50; wait > 0; wait--) await macrotask();
        return outcome(await read(engine.submit(request(i), never())));
      }),
    );
    t.strictSame(answers, expected, `${slots} slots`);
    const { draftTokens, acceptedTokens } = engine.stats();
    t.ok(acceptedTokens > 5 && draftTokens > acceptedTokens, `${acceptedTokens} of ${draftTokens} guesses were right`);
    t.ok(runner.calls.some((call) => call.kind === 'decode' && call.rowsPerSlot > 1 && (slots === 1 || call.rows > call.rowsPerSlot)));
    t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: slots });
  }
});

t.test('whoever leaves in the middle disturbs nobody', async (t) => {
  const expected = await Promise.all(Array.from({ length: 12 }, async (_, i) => outcome(await alone(request(i), plain))));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ delay: fc.nat(30), leaves: fc.option(fc.nat(40)), priority: fc.nat(2) }), { minLength: 12, maxLength: 12 }),
      async (clients) => {
        const closers: (() => Promise<void>)[] = [];
        const { engine } = start({ teardown: (close) => closers.push(close) }, { ...setup, slots: 3, prefillChunk: 24 });
        await Promise.all(
          clients.map(async ({ delay, leaves, priority }, i) => {
            for (let wait = delay; wait > 0; wait--) await macrotask();
            const controller = new AbortController();
            const reading = read(engine.submit({ ...request(i), priority }, controller.signal)).catch((error: unknown) => error);
            for (let wait = leaves ?? 0; wait > 0; wait--) await macrotask();
            if (leaves !== null) controller.abort(new Error('gone'));
            const answer = await reading;
            if (answer instanceof Error) t.equal(answer.message, 'gone');
            else t.strictSame(outcome(answer as Answer), expected[i]);
          }),
        );
        t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: 3 });
        for (const close of closers) await close();
      },
    ),
    { numRuns: 15, seed: 3 },
  );
});

t.test('an answer may end at each token of a run', async (t) => {
  const { engine } = start(t, { ...setup, slots: 2, eosChance: 0 });
  const sampling = { temperature: 0, topP: 1, topK: 0, logitBias: among(2) };
  const whole = await alone(ask(words(9), { sampling, stopping: { maxTokens: 40, stop: [], stopTokenIds: [] } }), {
    ...plain,
    eosChance: 0,
  });
  const text = whole.texts[0] ?? '';
  for (let maxTokens = 1; maxTokens <= 40; maxTokens++) {
    const answer = await read(engine.submit(ask(words(9), { sampling, stopping: { maxTokens, stop: [], stopTokenIds: [] } }), never()));
    t.strictSame([answer.texts[0], answer.reasons[0], answer.tokens], [text.slice(0, maxTokens), 'length', maxTokens]);
    const stop = [text.slice(Math.max(0, maxTokens - 5), maxTokens)];
    const stopped = ask(words(9), { sampling, stopping: { maxTokens: 40, stop, stopTokenIds: [] }, output: { logprobs: 1 } });
    t.strictSame(
      outcome(await read(engine.submit(stopped, never()))),
      outcome(await alone(stopped, { ...plain, eosChance: 0 })),
      `stopped by ${stop}`,
    );
  }
  t.ok(engine.stats().acceptedTokens > 100);
});

t.test('a slot is filled to its last token, and the turns of a chat start from the prompt before', async (t) => {
  const { engine } = start(t, { ...setup, slots: 2, eosChance: 0, maxModelLen: 200 });
  const sampling = { temperature: 0, topP: 1, topK: 0, logitBias: among(1) };
  let ids = words(30);
  while (ids.length < 190) {
    const asked = ask(ids, { sampling, stopping: { stop: [], stopTokenIds: [] } });
    const expected = await alone(asked, { ...plain, eosChance: 0, maxModelLen: 200, prefixCache: false });
    const answer = await read(engine.submit(asked, never()));
    t.strictSame(outcome(answer), outcome(expected));
    t.equal(answer.tokens, 200 - ids.length);
    ids = [...ids, ...(outcome(answer).ids[0] ?? []).slice(0, 10), ...words(15, ids.length)];
  }
  t.ok(engine.stats().cachedTokens > 300);
});

t.test('a text that repeats takes fewer runs, one that does not takes no more than without', async (t) => {
  const stopping = { maxTokens: 100, stop: [], stopTokenIds: [] };
  const runsOf = async (count: number | null, change: object) => {
    const { engine } = start(t, { ...setup, slots: 1, eosChance: 0, ...change });
    const sampling = { temperature: 0, topP: 1, topK: 0, ...(count !== null && { logitBias: among(count) }) };
    await read(engine.submit(ask(words(5), { stopping, sampling }), never()));
    const { decodeSteps, draftTokens, acceptedTokens } = engine.stats();
    return { decodeSteps, draftTokens, acceptedTokens };
  };
  const repeats = await runsOf(1, {});
  t.ok(repeats.decodeSteps < 25 && repeats.acceptedTokens > 75, JSON.stringify(repeats));
  t.equal((await runsOf(null, {})).decodeSteps > 90, true);
  t.strictSame(await runsOf(1, { speculation: false }), { decodeSteps: 99, draftTokens: 0, acceptedTokens: 0 });
  t.strictSame(await runsOf(1, { rowsPerSlot: 1 }), { decodeSteps: 99, draftTokens: 0, acceptedTokens: 0 }, 'a runner that cannot');
});

t.test('what had to be given up is computed again in fewer runs than it took', async (t) => {
  const { engine, runner } = start(t, { ...setup, slots: 1, eosChance: 0, prefixCache: false });
  const asked = ask(words(9), { stopping: { maxTokens: 60, stop: [], stopTokenIds: [] } });
  const expected = await alone(asked, { ...plain, eosChance: 0 });
  const first = engine.submit({ ...asked, priority: 1 }, never());
  const reading = read(first);
  while (engine.stats().completionTokens < 40) await macrotask();
  const before = engine.stats().decodeSteps;
  await read(engine.submit({ ...ask(words(5, 3)), stopping: { maxTokens: 2, stop: [], stopTokenIds: [] } }, never()));
  t.strictSame((await reading).texts, expected.texts);
  t.match(engine.stats(), { preemptions: 1, acceptedTokens: 0 }, 'which are no guesses');
  t.ok(engine.stats().decodeSteps - before < 40, `${engine.stats().decodeSteps - before} runs for 40 tokens again and 20 more`);
  t.ok(runner.calls.some((call) => call.kind === 'decode' && call.rowsPerSlot === 8));
});

t.test('the check finds out whether rows are exact', async (t) => {
  t.equal(await rowsAreExact(new ArithmeticRunner({ rowsPerSlot: 8 })), true);
  t.equal(await rowsAreExact(new ArithmeticRunner({ rowsPerSlot: 1 })), false);
  t.equal(await rowsAreExact(new ArithmeticRunner({ rowsPerSlot: 8, maxModelLen: 8 })), false, 'no room to find out');
  class Racing extends ArithmeticRunner {
    override decode(step: Parameters<ArithmeticRunner['decode']>[0]) {
      // As if each row were read before those after it were written, and those before it too.
      return super.decode((step.rowsPerSlot ?? 1) > 1 ? { ...step, ids: step.ids.toReversed() } : step);
    }
  }
  t.equal(await rowsAreExact(new Racing({ rowsPerSlot: 8 })), false);
  const cramped = new ArithmeticRunner({ rowsPerSlot: 8 });
  cramped.before = (call) => {
    if (call.kind === 'decode' && call.rowsPerSlot > 1) throw new RangeError('no more addresses');
  };
  t.equal(await rowsAreExact(cramped), false);
  cramped.before = () => {
    throw new Error('broken');
  };
  await t.rejects(rowsAreExact(cramped), { message: 'broken' });
});
