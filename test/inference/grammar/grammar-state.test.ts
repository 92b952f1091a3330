/** What a state tells those who wait for its mask, whatever becomes of the engine meanwhile. */
import t from 'tap';
import { GrammarState } from '../../../inference/grammar/grammar-state.ts';
import type { Operation } from '../../../inference/grammar/messages.ts';
import { readVocabulary } from '../../../inference/grammar/vocabulary.ts';
import { loadTokenizer } from '../../../inference/text/tokenizer.ts';
import { checkpoints } from './grammar-helper.ts';

const vocabulary = readVocabulary(await loadTokenizer(checkpoints.tiny))!;

function open() {
  const sent: Operation[] = [];
  const link = { vocabulary, add: () => 1, remove: () => {} };
  const source = { type: 'regex', text: 'a' } as const;
  const state = new GrammarState({ link, source, param: 'p', greedy: false }, { send: (operation) => sent.push(operation) });
  return { state, sent };
}

t.test('a thread that dies right behind its answer is waited for again', async (t) => {
  const { state, sent } = open();
  let settled = 0;
  const settling = [state.settle(), state.settle()].map(async (each) => {
    await each;
    settled += 1;
    state.apply(new Float32Array(vocabulary.lengths.length));
  });
  // Both in one turn of the event loop.
  state.answer(null);
  state.reopen();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(settled, 0);
  t.strictSame(
    sent.map(({ kind }) => kind),
    ['open', 'open'],
  );
  state.answer(null);
  await Promise.all(settling);
  t.equal(settled, 2);
});

t.test('a failure right behind an answer is told', async (t) => {
  const { state } = open();
  const settling = state.settle();
  state.answer(null);
  state.abandon(new Error('gone'));
  await t.rejects(settling, { message: 'gone' });
});
