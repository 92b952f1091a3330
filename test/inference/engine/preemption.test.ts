/** A better priority takes the slot of a worse one, who loses time by it and nothing else. */
import { setImmediate as macrotask } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import type { Constraint } from '../../../inference/engine/constraint.ts';
import type { EngineRequest } from '../../../inference/engine/request.ts';
import { type Answer, alone, ask, image, never, placeholders, read, start, words } from './engine-helper.ts';

/** What decoding writes is not what a prefill would, so a token that is computed again in another way changes the text. */
const setup = { eosChance: 0, maxModelLen: 500, decodedDiffers: true, prefillChunk: 32 };

/** All that a reader hears, in order for each choice; the timings aside. */
function heard({ events }: Answer) {
  const prompts = events.filter(({ type }) => type === 'prompt');
  const said = new Map<number, { text: string; tokens: unknown[]; finish: unknown }>();
  for (const event of events) {
    if (event.type !== 'text' && event.type !== 'finish') continue;
    const choice = said.get(event.choice) ?? { text: '', tokens: [], finish: null };
    said.set(event.choice, choice);
    if (event.type === 'finish') choice.finish = event;
    else {
      choice.text += event.text;
      choice.tokens.push(...event.tokenIds, ...(event.logprobs ?? []));
    }
  }
  return { prompts, said: [...said].sort(([a], [b]) => a - b) };
}

/** Allows the tokens whose id is a multiple of 3, or of 4 after each such token. */
class Alternating implements Constraint {
  readonly ready = true;
  #step = 3;

  settle(): Promise<void> {
    return Promise.resolve();
  }

  apply(logits: Float32Array): void {
    for (let id = 0; id < logits.length; id++) if (id % this.#step !== 0 || id < 2) logits[id] = Number.NEGATIVE_INFINITY;
  }

  accept(token: number): void {
    this.#step = token % 4 === 0 ? 4 : 3;
  }

  close(): void {}
}

const stopping = (maxTokens: number, stop: readonly string[] = []) => ({ maxTokens, stop, stopTokenIds: [] });

/** Requests of all kinds; the constraints of one are new for each use. */
const kinds: readonly (() => EngineRequest)[] = [
  () => ask(words(40), { stopping: stopping(60) }),
  () =>
    ask(words(50, 2), {
      sampling: { temperature: 1, topP: 0.95, topK: 0, presencePenalty: 1, frequencyPenalty: 0.5, repetitionPenalty: 1.3, seed: 4 },
      output: { logprobs: 3 },
      stopping: stopping(50),
    }),
  () => ask(words(30, 3), { constraints: [new Alternating()], stopping: stopping(60) }),
  () =>
    ask([...words(20, 4), ...placeholders, ...words(70, 4), ...placeholders, 5], { images: [image(1), image(2)], stopping: stopping(40) }),
  () => ask(words(45, 5), { stopping: stopping(80, ['never said', 'x', 'ZZ']) }),
  () => ask(words(60, 6), { output: { logprobs: 1, promptLogprobs: true }, stopping: stopping(30) }),
  () => ask(words(25, 7), { n: 2, sampling: { temperature: 1, topP: 1, topK: 10, seed: 9 }, stopping: stopping(40) }),
];
const expectations = new Map<number, ReturnType<typeof heard>>();
async function expected(kind: number) {
  const known = expectations.get(kind) ?? heard(await alone(kinds[kind]!(), { ...setup, prefixCache: false }));
  expectations.set(kind, known);
  return known;
}

/** Waits until so many tokens have been said. */
async function until(tokens: () => number, count: number): Promise<void> {
  while (tokens() < count) await macrotask();
}

for (const prefixCache of [true, false]) {
  t.test(`a request of better priority is answered first, ${prefixCache ? 'with' : 'without'} the prefix cache`, async (t) => {
    for (const kind of kinds.keys()) {
      const { engine } = start(t, { ...setup, slots: 2, prefixCache });
      const done: string[] = [];
      const finished = (name: string) => (answer: Answer) => {
        done.push(name);
        return answer;
      };
      const low = [kind, 0].map((each) => read(engine.submit({ ...kinds[each]!(), priority: 2 }, never())).then(finished('low')));
      await until(() => engine.stats().completionTokens, 30);
      const high = await read(engine.submit(ask(words(20, 8), { n: 2, stopping: stopping(10) }), never())).then(finished('high'));
      t.equal(done[0], 'high');
      t.strictSame(heard(high), heard(await alone(ask(words(20, 8), { n: 2, stopping: stopping(10) }), setup)));
      for (const [i, answer] of (await Promise.all(low)).entries())
        t.strictSame(heard(answer), await expected([kind, 0][i]!), `kind ${kind}`);
      t.match(engine.stats(), { preemptions: 2, running: 0, waiting: 0 });
    }
  });
}

t.test('what a short successor leaves in the slot is not computed again', async (t) => {
  const cost = async (prefixCache: boolean) => {
    const { engine, runner } = start(t, { ...setup, slots: 1, prefixCache });
    const low = read(engine.submit({ ...ask(words(200), { stopping: stopping(100) }), priority: 1 }, never()));
    await until(() => engine.stats().completionTokens, 80);
    const before = runner.calls.length;
    await read(engine.submit(ask(words(20, 3), { stopping: stopping(5) }), never()));
    t.equal((await low).texts[0], (await alone(ask(words(200), { stopping: stopping(100) }), setup)).texts[0]);
    return runner.calls.length - before;
  };
  const [kept, lost] = [await cost(true), await cost(false)];
  t.ok(kept <= 1 + 5 + 1 + 20, `a prompt, its answer, one chunk, the rest of the answer; it took ${kept} runs`);
  t.ok(lost >= 1 + 4 + 7 + 80 + 15, `and without, the whole prompt and the answer so far, in ${lost} runs`);
});

t.test('while better requests keep coming, a worse one is answered all the same', async (t) => {
  const { engine } = start(t, { ...setup, slots: 1 });
  let over = false;
  const low = read(engine.submit({ ...kinds[0]!(), priority: 7 }, never())).finally(() => {
    over = true;
  });
  const others: Promise<Answer>[] = [];
  while (!over) {
    if (engine.stats().waiting < 2) others.push(read(engine.submit(ask(words(10, others.length), { stopping: stopping(3) }), never())));
    await macrotask();
  }
  t.strictSame(heard(await low), await expected(0));
  t.ok(others.length > 20 && engine.stats().preemptions > 2, `${others.length} others, ${engine.stats().preemptions} times it gave way`);
  await Promise.all(others);
});

t.test('over random requests, priorities, delays and cancellations, in few slots', async (t) => {
  const client = fc.record({
    kind: fc.nat(kinds.length - 1),
    priority: fc.integer({ min: -1, max: 2 }),
    delay: fc.nat(150),
    leaves: fc.option(fc.nat(60), { freq: 3 }),
  });
  let preemptions = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(client, { minLength: 6, maxLength: 16 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      fc.constantFrom(1, 4),
      async (clients, slots, prefixCache, rowsPerSlot) => {
        const closers: (() => Promise<void>)[] = [];
        const owner = { teardown: (close: () => Promise<void>) => void closers.push(close) };
        const { engine } = start(owner, { ...setup, slots, prefixCache, rowsPerSlot, imageCacheBytes: 100 });
        await Promise.all(
          clients.map(async ({ kind, priority, delay, leaves }) => {
            for (let wait = delay; wait > 0; wait--) await macrotask();
            const controller = new AbortController();
            const reading = read(engine.submit({ ...kinds[kind]!(), priority }, controller.signal)).catch((error: unknown) => error);
            if (leaves !== null) {
              for (let wait = leaves; wait > 0; wait--) await macrotask();
              controller.abort(new Error('gone'));
            }
            const answer = await reading;
            if (answer instanceof Error) t.equal(answer.message, 'gone');
            else t.strictSame(heard(answer as Answer), await expected(kind));
          }),
        );
        t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: slots });
        preemptions += engine.stats().preemptions;
        for (const close of closers) await close();
      },
    ),
    { numRuns: 10, seed: 6 },
  );
  t.ok(preemptions > 10, `${preemptions} gave way`);
});
