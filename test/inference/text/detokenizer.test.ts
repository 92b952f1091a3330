import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { type Decode, Detokenizer } from '../../../inference/text/detokenizer.ts';
import { createDecoder } from '../../../inference/text/token-decoder.ts';

/** A tokenizer of few words; ids from `bytes` on are single bytes; SPECIAL is left out of the text. */
function tokenizer(words: readonly string[], byteToken: (byte: number) => string, decoder: unknown) {
  const tokens = [...words, ...Array.from({ length: 256 }, (_, byte) => byteToken(byte))];
  const special = tokens.length;
  const step = createDecoder(decoder);
  const decode: Decode = (ids) => step(ids.flatMap((id) => (id === special ? [] : [tokens[id] ?? '']))).join('');
  const bytesOf = (text: string) => [...new TextEncoder().encode(text)].map((byte) => words.length + byte);
  return { decode, bytesOf, special, size: tokens.length, words: words.length };
}

/** Llama's: metaspace, bytes as <0xNN>, the space before the first word dropped. */
const llama = tokenizer(
  ['▁Hello', '▁world', '▁', 'lo', '!', '▁▁', '▁中', '\n'],
  (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
);

/** GPT-2's printable stand-in of a byte. */
function printable(byte: number): string {
  if ((byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae) return String.fromCharCode(byte);
  const before = Array.from({ length: byte }, (_, b) => b).filter(
    (b) => !((b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae),
  );
  return String.fromCharCode(256 + before.length);
}

/** Byte-level BPE: a token may hold half a character, or a whole one and half the next. */
const gpt = tokenizer(['Hello', 'Ġworld', 'Ġ', 'äº', 'ºä', '!'], printable, { type: 'ByteLevel' });

function run(decode: Decode, ids: readonly number[]) {
  const detokenizer = new Detokenizer(decode);
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.end()];
}

t.test('words keep the spaces between them, and the first has none before it', (t) => {
  t.strictSame(run(llama.decode, [0, 1, 3, 4]), ['Hello', ' world', 'lo', '!', '']);
  t.strictSame(run(llama.decode, [2, 0, 5, 1]).join(''), ' Hello   world');
  t.strictSame(run(gpt.decode, [0, 1, 2, 1]), ['Hello', ' world', ' ', ' world', '']);
  t.end();
});

t.test('a text that continues another keeps the space between the two', (t) => {
  const after = (decode: Decode, before: readonly number[], ids: readonly number[]) => {
    const detokenizer = new Detokenizer(decode, before);
    return [...ids.map((id) => detokenizer.push(id)), detokenizer.end()];
  };
  t.strictSame(after(llama.decode, [0], [1, 3, 1]), [' world', 'lo', ' world', '']);
  t.strictSame(after(llama.decode, [], [1, 3, 1]), ['world', 'lo', ' world', '']);
  t.strictSame(after(gpt.decode, [0], [1, 0]), [' world', 'Hello', '']);
  const bytes = llama.bytesOf('é');
  t.strictSame(after(llama.decode, bytes.slice(0, 1), [1]).join(''), 'world', 'what is not whole is not waited for');
  t.end();
});

t.test('a character of several tokens comes whole', (t) => {
  for (const each of [llama, gpt]) {
    const out = run(each.decode, [0, ...each.bytesOf('中😀é')]);
    t.strictSame(
      out.filter((text) => text !== ''),
      ['Hello', '中', '😀', 'é'],
    );
    t.notOk(out.some((text) => text.includes('\ufffd')));
  }
  t.end();
});

t.test('a special token in the middle shows nothing and takes no space away', (t) => {
  t.strictSame(run(llama.decode, [0, llama.special, 1]), ['Hello', '', ' world', '']);
  t.equal(run(llama.decode, [llama.special, 2, llama.special, 0]).join(''), ' Hello');
  t.end();
});

t.test('bytes that never become a character are shown at the end, or when they are too many', (t) => {
  const [first] = llama.bytesOf('中');
  t.strictSame(run(llama.decode, [0, first ?? 0]), ['Hello', '', '\ufffd']);
  const endless = run(
    gpt.decode,
    Array.from({ length: 200 }, () => gpt.bytesOf('中')[1] ?? 0),
  );
  t.ok(endless.slice(0, -1).some((text) => text !== ''));
  t.equal(endless.join(''), '\ufffd'.repeat(200));
  t.end();
});

t.test('the cost of a token does not grow with the text', (t) => {
  for (const id of [1, llama.special, llama.bytesOf('中')[1] ?? 0]) {
    let longest = 0;
    const detokenizer = new Detokenizer((ids) => {
      longest = Math.max(longest, ids.length);
      return llama.decode(ids);
    });
    detokenizer.push(0);
    for (let i = 0; i < 500; i++) detokenizer.push(id);
    t.ok(longest <= 70, `at most 70 tokens are decoded at once, found ${longest}`);
  }
  t.end();
});

t.test('the pieces, joined, are the decoded whole', (t) => {
  const words = (each: typeof llama) =>
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.nat(each.words - 1).map((id) => [id]) },
        { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }).map(each.bytesOf) },
        { weight: 1, arbitrary: fc.constant([each.special]) },
      ),
      { maxLength: 25 },
    );
  // Text whose characters are whole, as a model's is but for accidents.
  const whole = tokenizer(['Hello', 'Ġworld', 'Ġ', 'Ċ', '!'], printable, { type: 'ByteLevel' });
  for (const each of [llama, whole]) {
    fc.assert(
      fc.property(words(each), (parts) => {
        const ids = parts.flat();
        assert.equal(run(each.decode, ids).join(''), each.decode(ids));
      }),
      { numRuns: 300, seed: 12 },
    );
  }
  // Any bytes at all: byte-level decoding works on the bytes of the whole, so even broken ones come out the same.
  fc.assert(
    fc.property(fc.array(fc.nat(gpt.size), { maxLength: 40 }), (ids) => {
      assert.equal(run(gpt.decode, ids).join(''), gpt.decode(ids));
    }),
    { numRuns: 300, seed: 13 },
  );
  t.pass('equal');
  t.end();
});
