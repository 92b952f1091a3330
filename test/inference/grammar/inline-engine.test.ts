/** Grammars that are followed on the thread that samples: the same masks as from the other thread, and to that when they are too much. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { GrammarState } from '../../../inference/grammar/grammar-state.ts';
import { InlineEngine } from '../../../inference/grammar/inline-engine.ts';
import type { Answer } from '../../../inference/grammar/messages.ts';
import { argmax } from '../../../inference/sampling/sampler.ts';
import type { GrammarSpec } from '../../../inference/types.ts';
import { SeededRandom } from '../../tools/random.ts';
import { allowed, checkpoints, never, openService } from './grammar-helper.ts';

const here = await openService(checkpoints.tiny, t, { inlineMs: Number.POSITIVE_INFINITY });
const there = await openService(checkpoints.tiny, t, { inlineMs: 0 });
const { tokenizer, vocabulary } = here;

const isInline = (state: GrammarState) => state.home instanceof InlineEngine;
const record = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 9 },
    day: { type: 'string', format: 'date' },
    share: { type: 'number', minimum: 0, maximum: 1.5 },
    kinds: { type: 'array', items: { enum: ['a', 'bb', 'ccc'] }, minItems: 2 },
  },
  required: ['name', 'day', 'share', 'kinds'],
};
const specs: readonly GrammarSpec[] = [
  { kind: 'json_schema', schema: record },
  { kind: 'json_schema', schema: { type: 'object' } },
  { kind: 'json_schema', schema: { type: 'string', minLength: 100 } },
  { kind: 'regex', pattern: '([a-z]{1,8} )+(中|é)[0-9]*' },
  { kind: 'choice', choices: ['red', 'red and blue', 'green'] },
  { kind: 'lark', text: 'start: e\ne: e "+" e | "(" e ")" | /[a-z]+/' },
];

/** Walks both through the same random tokens, now and then back or on in a copy; true if they always allow the same. */
async function agree(states: [GrammarState, GrammarState], random: SeededRandom, steps: number): Promise<boolean> {
  let length = 0;
  for (let step = 0; step < steps; step++) {
    const [mine, other] = [await allowed(states[0], tokenizer.vocabSize), await allowed(states[1], tokenizer.vocabSize)];
    if (mine.join() !== other.join()) return false;
    const free = mine.filter((id) => !tokenizer.eosTokenIds.includes(id));
    if (free.length === 0) break;
    if (length > 2 && random.next() < 0.1) {
      for (const state of states) state.rollback(2);
      length -= 2;
    } else {
      const token = random.pick(free);
      for (const state of states) state.accept(token);
      length++;
    }
    if (random.next() < 0.1) {
      const copies: [GrammarState, GrammarState] = [states[0].fork(), states[1].fork()];
      for (const state of states) state.close();
      states = copies;
    }
  }
  for (const state of states) state.close();
  return true;
}

for (const [index, spec] of specs.entries()) {
  t.test(`masks are the same here and there: ${spec.kind} ${index}`, async (t) => {
    const random = new SeededRandom(index + 1);
    for (let walk = 0; walk < 4; walk++) {
      const states = [await here.service.open(spec, 'p', never), await there.service.open(spec, 'p', never)] as [
        GrammarState,
        GrammarState,
      ];
      t.strictSame(states.map(isInline), [true, false]);
      t.ok(await agree(states, random, 40));
    }
  });
}

t.test('where the largest logit decides it is the same with and without masks', async (t) => {
  const masked: boolean[] = [];
  for (const [index, spec] of specs.entries()) {
    const mine = await here.service.open(spec, 'p', never, true);
    const other = await there.service.open(spec, 'p', never);
    const random = new SeededRandom(index + 1);
    const [wanted, chosen]: [number[], number[]] = [[], []];
    for (let step = 0; step < 60; step++) {
      const logits = Float32Array.from({ length: tokenizer.vocabSize }, () => random.next());
      // What a model would say may often come.
      if (random.chance(0.5)) logits[random.pick(await allowed(other, tokenizer.vocabSize))] = 2;
      await other.settle();
      const held = logits.slice();
      other.apply(held);
      wanted.push(argmax(held));
      if (!mine.ready && !mine.hurry(logits)) await mine.settle();
      mine.apply(logits);
      masked.push(logits.filter((logit) => logit === Number.NEGATIVE_INFINITY).length > 3);
      chosen.push(argmax(logits));
      if (tokenizer.eosTokenIds.includes(chosen.at(-1) ?? -1)) break;
      for (const state of [mine, other]) state.accept(chosen.at(-1) ?? -1);
    }
    t.strictSame(chosen, wanted);
    for (const state of [mine, other]) state.close();
  }
  t.ok(masked.includes(true) && masked.includes(false), 'sometimes one way, sometimes the other');
});

t.test('what is sent at once is carried out in order', async (t) => {
  const state = await here.service.open({ kind: 'regex', pattern: 'abc' }, 'p', never);
  const [a = -1, b = -1, c = -1] = ['a', 'b', 'c'].map((letter) => tokenizer.idOf(letter));
  state.accept(a);
  state.accept(b);
  const copy = state.fork();
  state.rollback(1);
  t.notOk(state.ready || copy.ready, 'later, while the model runs');
  t.ok((await allowed(state, tokenizer.vocabSize)).includes(b));
  const last = await allowed(copy, tokenizer.vocabSize);
  t.ok(last.includes(c) && !last.includes(b));
  state.close();
  copy.close();
});

t.test('a grammar that needs more goes on in the thread where it stood', async (t) => {
  // Each letter of the answer makes further states of the lexer.
  const spec: GrammarSpec = { kind: 'regex', pattern: '[\\p{L}\\p{N}]{900}' };
  const mine = await here.service.open(spec, 'p', never);
  const other = await there.service.open(spec, 'p', never);
  t.ok(isInline(mine));
  const random = new SeededRandom(5);
  for (let step = 0; isInline(mine); step++) {
    assert(step < 300, 'it stayed');
    const token = random.pick(await allowed(mine, tokenizer.vocabSize));
    for (const state of [mine, other]) state.accept(token);
    await mine.settle();
  }
  t.strictSame(await allowed(mine, tokenizer.vocabSize), await allowed(other, tokenizer.vocabSize));
  const again = await here.service.open(spec, 'p', never);
  t.notOk(isInline(again), 'the next one begins there');
  for (const state of [mine, other, again]) state.close();
});

t.test('a grammar that takes long to compile stays in the thread', async (t) => {
  const { service } = await openService(checkpoints.tiny, t, { inlineMs: Number.MIN_VALUE });
  const state = await service.open({ kind: 'json_schema', schema: record }, 'p', never);
  t.notOk(isInline(state));
  state.close();
});

t.test('an engine that breaks says whom it served, and carries out nothing more of what it was sent', async (t) => {
  // A module of nothing but its header has none of the functions that are called.
  const module = await WebAssembly.compile(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  const answers: Answer[] = [];
  const engine = new InlineEngine({ module, vocabulary, onAnswer: (answer) => answers.push(answer), onLost: (id) => lost.push(id) });
  const lost: number[] = [];
  const mask = new SharedArrayBuffer(vocabulary.lengths.length / 8);
  for (const id of [7, 8]) engine.send({ kind: 'open', id, source: { type: 'regex', text: 'a' }, mask, tokens: [] });
  await turn();
  t.strictSame(lost, [7]);
  t.strictSame(answers, []);
});
