import t from 'tap';
import { type Decodable, layOut } from '../../../inference/engine/decode-rows.ts';

const sequence = (nextToken: number, ahead: readonly number[], certain = 0): Decodable => ({
  nextToken,
  prospect: { certain },
  ahead: (count) => ahead.slice(0, count),
});

t.test('each slot has its next token, and one that is not due writes behind what it has', (t) => {
  const [a, b] = [sequence(5, [6]), sequence(7, [])];
  const rows = [
    { sequence: a, length: 10, due: true },
    { sequence: b, length: 20, due: false },
    { sequence: null, length: 4, due: false },
    { sequence: b, length: 30, due: true },
  ];
  const { ids, lengths, slots } = layOut(rows, 1);
  t.strictSame([...ids], [5, 0, 0, 7]);
  t.strictSame([...lengths], [10, 20, 4, 30]);
  t.strictSame(slots, [
    { sequence: a, first: 0, used: 1, guessed: 0 },
    { sequence: null, first: 1, used: 0, guessed: 0 },
    { sequence: null, first: 2, used: 0, guessed: 0 },
    { sequence: b, first: 3, used: 1, guessed: 0 },
  ]);
  t.end();
});

t.test('what is known or guessed comes behind it, and rows without a token repeat the one before', (t) => {
  const guesses = sequence(1, [2, 3, 4, 5, 6]);
  const knows = sequence(11, [12, 13], 1);
  const nothing = sequence(21, []);
  const rows = [guesses, knows, nothing].map((each, i) => ({ sequence: each, length: 100 * i, due: true }));
  const { ids, lengths, slots } = layOut([...rows, { sequence: null, length: 9, due: false }], 4);
  t.strictSame([...ids], [1, 2, 3, 4, 11, 12, 13, 13, 21, 21, 21, 21, 0, 0, 0, 0]);
  t.strictSame([...lengths], [0, 1, 2, 3, 100, 101, 102, 102, 200, 200, 200, 200, 9, 9, 9, 9]);
  t.strictSame(
    slots.map(({ first, used, guessed }) => [first, used, guessed]),
    [
      [0, 4, 3],
      [4, 3, 1],
      [8, 1, 0],
      [12, 0, 0],
    ],
  );
  t.end();
});
