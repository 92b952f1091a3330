import t from 'tap';
import { type PromptKey, sharedTokens } from '../../../inference/engine/prompt-key.ts';

const IMAGE = 1;
const key = (ids: readonly number[], hashes: readonly string[] = [], salt = ''): PromptKey => ({
  salt,
  ids: Int32Array.from(ids),
  // Each image has two placeholders.
  images: hashes.map((hash, i) => ({ hash, firstToken: ids.flatMap((id, at) => (id === IMAGE ? [at] : []))[2 * i] ?? 0 })),
});

t.test('prompts share their tokens up to the first that differs', (t) => {
  t.equal(sharedTokens(key([5, 6, 7]), key([5, 6, 8, 9])), 2);
  t.equal(sharedTokens(key([5, 6]), key([5, 6, 8])), 2);
  t.equal(sharedTokens(key([5, 6]), key([4, 6])), 0);
  t.end();
});

t.test('placeholders are as different as the images that they stand for', (t) => {
  const ids = [5, IMAGE, IMAGE, 6, IMAGE, IMAGE, 7];
  t.equal(sharedTokens(key(ids, ['a', 'b']), key(ids, ['a', 'b'])), 7);
  t.equal(sharedTokens(key(ids, ['a', 'b']), key(ids, ['a', 'c'])), 4);
  t.equal(sharedTokens(key(ids, ['a', 'b']), key(ids, ['c', 'b'])), 1);
  t.equal(sharedTokens(key(ids, ['a', 'b']), key([5, IMAGE, IMAGE, 8], ['a'])), 3);
  t.equal(sharedTokens(key([5, IMAGE, IMAGE, 8], ['a']), key(ids, ['a', 'b'])), 3);
  t.end();
});

t.test('prompts of different salts share nothing', (t) => {
  t.equal(sharedTokens(key([5, 6], [], 'x'), key([5, 6], [], 'y')), 0);
  t.equal(sharedTokens(key([5, 6], [], 'x'), key([5, 6], [], 'x')), 2);
  t.end();
});
