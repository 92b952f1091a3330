/** Token ids and texts are those of Python's tokenizers and transformers, on strings chosen to break them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { loadTokenizer } from '../../../inference/text/tokenizer.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/text');
const kinds = ['llama-legacy', 'llama-first', 'llama-always', 'llama-never', 'byte-level'];

interface Cases {
  encode: { text: string; ids: number[]; withSpecial: number[] | null; decoded: string }[];
  decode: { ids: number[]; decoded: string }[];
}

for (const kind of kinds) {
  t.test(`${kind} agrees with Python`, async (t) => {
    const tokenizer = await loadTokenizer(join(fixtures, kind));
    const cases: Cases = JSON.parse(await readFile(join(fixtures, kind, 'cases.json'), 'utf8'));
    for (const { text, ids, withSpecial, decoded } of cases.encode) {
      const got = {
        ids: tokenizer.encode(text, { special: true }),
        withSpecial: tokenizer.encode(text, { special: true, addSpecial: true }),
        decoded: tokenizer.decode(ids),
      };
      const same = JSON.stringify(got) === JSON.stringify({ ids, withSpecial: withSpecial ?? ids, decoded });
      if (!same) t.same(got, { ids, withSpecial: withSpecial ?? ids, decoded }, JSON.stringify(text));
    }
    for (const { ids, decoded } of cases.decode) {
      if (tokenizer.decode(ids) !== decoded) t.equal(tokenizer.decode(ids), decoded, `ids ${ids}`);
    }
    t.pass(`${cases.encode.length} texts and ${cases.decode.length} id sequences compared`);
  });
}
