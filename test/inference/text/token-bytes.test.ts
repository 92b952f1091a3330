/** The bytes of the tokens of a text are the bytes of the text: with byte fallback, with byte-level tokens, and in between characters. */
import { join } from 'node:path';
import t from 'tap';
import { loadTokenizer } from '../../../inference/text/tokenizer.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/text');
const texts = ['The quick brown fox', '{"naïve": [1, 2.5e-3]}\n\t', '中文 😀 é\u0301', 'a  b   c', '\u00a0\u0000\u007f'];

for (const kind of ['llama-legacy', 'llama-never', 'byte-level']) {
  t.test(`${kind}: bytes of tokens are bytes of the text`, async (t) => {
    const tokenizer = await loadTokenizer(join(fixtures, kind));
    for (const text of texts) {
      const bytes = tokenizer.encode(text, { special: false }).map((id) => tokenizer.bytesOf(id) ?? new Uint8Array());
      const joined = Buffer.concat(bytes).toString();
      // Llama's normaliser writes a space in front, which its decoder drops.
      t.equal(kind === 'llama-legacy' ? joined.slice(1) : joined, text);
    }
  });
}

t.test('a token may be a part of a character, and a special token is no text', async (t) => {
  for (const kind of ['llama-legacy', 'byte-level']) {
    const tokenizer = await loadTokenizer(join(fixtures, kind));
    const single = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.bytesOf(id)).filter((bytes) => bytes?.length === 1);
    t.ok(new Set(single.map((bytes) => bytes?.[0])).size >= 250, `${kind} has tokens for single bytes`);
    for (const { id, special } of tokenizer.addedTokens) if (special) t.equal(tokenizer.bytesOf(id), null);
    t.equal(tokenizer.bytesOf(tokenizer.vocabSize), null);
  }
});
