import t from 'tap';
import { philox4x32, uniform } from '../../../inference/sampling/random.ts';

t.test('Philox4x32-10 gives the known answers of Random123 (kat_vectors)', (t) => {
  const vectors = [
    { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ];
  for (const { counter, key, words } of vectors) {
    const block = Uint32Array.from(counter);
    philox4x32(block, key[0]!, key[1]!);
    t.strictSame([...block], words);
  }
  t.end();
});

t.test('a number depends on seed, stream and index, and lies in [0, 1)', (t) => {
  const keys = [0, 1, -1, 42, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, -(2 ** 40)];
  const numbers = keys.flatMap((seed) => [0, 1, 7].flatMap((stream) => [0, 1, 2].map((index) => uniform(seed, stream, index))));
  t.equal(new Set(numbers).size, numbers.length);
  t.ok(numbers.every((number) => number >= 0 && number < 1));
  t.equal(uniform(42, 1, 2), uniform(42, 1, 2));
  t.end();
});
