/** Refuses grammars of callers that hold an answer to special tokens: an answer is text. */
import { GrammarRefused } from '../errors.ts';
import { MAX_CHARACTERS } from './source.ts';

/** Literals and comments, also such as never end, so that no text is looked at twice; then tokens. As in llguidance's lexer of Lark. */
const pieces = /"(?:\\.|[^"\\])*(?:"|\\?$)|(?:#|\/\/)[^\n]*|\/(?:\\.|[^/\\])+(?:\/|\\?$)|<[^<>\s]+>/gs;

/**
 * The engine knows special tokens by their ids, as in `<[5]>`, and traps at a name like `<|end|>`.
 * @param text grammar in llguidance's dialect of Lark; one that is too long is not looked into
 * @throws GrammarRefused if it refers to a special token
 */
export function refuseSpecialTokens(text: string, param: string): void {
  if (text.length > MAX_CHARACTERS) return;
  for (const [piece] of text.matchAll(pieces)) {
    if (!piece.startsWith('<')) continue;
    throw new GrammarRefused(`it refers to the special token ${piece.slice(0, 64)}; an answer is text, which stands in quotes.`, param);
  }
}
