import fc from 'fast-check';
import t from 'tap';
import { Drafter } from '../../../inference/engine/speculation-drafter.ts';
import { SpeculationIndex } from '../../../inference/engine/speculation-index.ts';

const draft = (index: SpeculationIndex, count: number) => {
  const match = index.match();
  return match === null ? null : index.follow(match.next, count);
};

t.test('the longest end counts, and of equals the last one', (t) => {
  const index = new SpeculationIndex([1, 2, 3, 4, 9, 3, 4, 8, 2, 3, 4, 7, 5, 2, 3], null);
  t.strictSame(index.match(), { length: 2, next: 10 });
  index.push(4);
  t.strictSame(index.match(), { length: 3, next: 11 });
  t.strictSame(draft(index, 3), [7, 5, 2]);
  index.push(6);
  t.equal(index.match(), null, 'a token that is new');
  index.push(4);
  t.strictSame(index.match(), { length: 1, next: 16 });
  t.end();
});

t.test('what repeats at once goes on repeating', (t) => {
  t.strictSame(draft(new SpeculationIndex([1, 2, 3, 2, 3], null), 5), [2, 3, 2, 3, 2]);
  t.strictSame(draft(new SpeculationIndex([5, 5], null), 3), [5, 5, 5]);
  t.end();
});

t.test('pictures are no part of a match, nor of a draft', (t) => {
  const barrier = 99;
  t.equal(new SpeculationIndex([1, 99, 2, 99], barrier).match(), null);
  t.strictSame(new SpeculationIndex([7, 99, 2, 3, 8, 99, 2], barrier).match(), { length: 1, next: 3 });
  t.strictSame(draft(new SpeculationIndex([7, 3, 99, 99, 4, 7], barrier), 5), [3]);
  t.equal(draft(new SpeculationIndex([7, 99, 4, 7], barrier), 5), null);
  t.end();
});

t.test('it finds what a search through the whole text finds', (t) => {
  const search = (text: readonly number[]) => {
    for (const length of [3, 2, 1]) {
      const end = text.slice(-length);
      for (let next = text.length - 1; next >= length && end.length === length; next--) {
        if (end.every((token, i) => text[next - length + i] === token)) return { length, next };
      }
    }
    return null;
  };
  fc.assert(
    fc.property(fc.array(fc.nat(6), { maxLength: 300 }), fc.nat(300), (text, cut) => {
      const index = new SpeculationIndex(text.slice(0, cut), null);
      for (const token of text.slice(cut)) index.push(token);
      t.strictSame(index.match(), search(text));
    }),
    { numRuns: 300, seed: 7 },
  );
  t.end();
});

t.test('a text that repeats is trusted soon, and one that does not is not', (t) => {
  const repeats = new Drafter([1, 2, 3, 4, 5, 6], null);
  t.equal(repeats.confidence, 0);
  t.strictSame(repeats.draft(4), [], 'nothing is guessed before the first token');
  for (let i = 0; i < 12; i++) repeats.push(1 + (i % 6));
  t.ok(repeats.confidence > 0.85, `${repeats.confidence}`);
  t.strictSame(repeats.draft(3), [1, 2, 3]);
  const changes = new Drafter([], null);
  for (let i = 0; i < 60; i++) changes.push((i * i * 7 + i) % 13);
  t.ok(changes.confidence < 1);
  const misleads = new Drafter([1, 2, 1, 3, 1, 4], null);
  for (let i = 0; i < 30; i++) misleads.push(i % 2 === 0 ? 1 : 50 + i);
  misleads.push(1);
  t.ok(misleads.confidence < 0.1, `${misleads.confidence}`);
  t.end();
});
