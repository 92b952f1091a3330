/** Special tokens in a caller's grammar are refused, and what only looks like one is not. */
import t from 'tap';
import { refuseSpecialTokens } from '../../../inference/grammar/special-tokens.ts';

t.test('references are refused by name', async (t) => {
  for (const [text, name] of [
    ['start: <|image|> "N"', '<|image|>'],
    ['start: "a" | b // text\nb: /[<>]/ <strip>', '<strip>'],
    ['start: "<a>" <[5]>', '<[5]>'],
  ] as const) {
    t.throws(() => refuseSpecialTokens(text, 'p'), {
      code: 'invalid_grammar',
      param: 'p',
      message: `Invalid 'p': it refers to the special token ${name}; an answer is text, which stands in quotes.`,
    });
  }
});

t.test('literals and comments are not looked into', async () => {
  refuseSpecialTokens(String.raw`start: "\"<a>" /[\/]<b>/ %json {"const": "<c>"} // <d>`, 'p');
  refuseSpecialTokens('# <a>\nstart: "a" | "<|b|>"i\n', 'p');
});

t.test('what never ends takes no time', async () => {
  // Looking for an end from each quote on would take minutes.
  for (const quote of ['"', '/']) refuseSpecialTokens(`start: ${quote}${`\\${quote}`.repeat(60_000)}\\`, 'p');
  refuseSpecialTokens(`start: ${'<a'.repeat(60_000)}`, 'p');
  refuseSpecialTokens(`start: "${'a'.repeat(2 ** 25)}`, 'p');
});
