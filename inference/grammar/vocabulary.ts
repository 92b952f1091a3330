/** The vocabulary as the grammar engine sees it: the bytes of each token, and which of them may stand for another at the beginning. */
import type { Tokenizer } from '../text/tokenizer.ts';

/** What the engine's thread is given. */
export interface EngineVocabulary {
  /** Bytes of all tokens, one after the other; shared memory, so that threads need no copy. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** Of each token, padded to a multiple of 32: the engine's masks break otherwise. 0 for a token that is no text. */
  readonly lengths: Uint32Array<SharedArrayBuffer>;
  /** The token that the engine asks for at the end. */
  readonly endToken: number;
  /** All tokens that end the model's text; any will do. */
  readonly endTokens: readonly number[];
}

export interface Vocabulary extends EngineVocabulary {
  readonly first: FirstTokens;
}

/**
 * SentencePiece models begin a text with `▁word`, and their decoder drops that space. What is shown is then the text of
 * `word`, so at the beginning the one stands for the other: else a grammar would force the model into tokens it never begins with.
 * For each token with such a space the token without it, SILENT if nothing is left, null if there is none; empty if nothing is dropped.
 */
type FirstTokens = ReadonlyMap<number, number | null>;

/** Stands for a first token of which nothing is shown. */
export const SILENT = -1;

const SPACE = 0x20;

/** @returns null for a model whose text never ends by itself: a grammar could not say that it is complete */
export function readVocabulary(tokenizer: Tokenizer): Vocabulary | null {
  const [endToken] = tokenizer.eosTokenIds;
  if (endToken === undefined) return null;
  const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.bytesOf(id));
  const lengths = new Uint32Array(new SharedArrayBuffer(4 * 32 * Math.ceil(tokens.length / 32)));
  const bytes = new Uint8Array(new SharedArrayBuffer(tokens.reduce((sum, token) => sum + (token?.length ?? 0), 0)));
  let at = 0;
  for (const [id, token] of tokens.entries()) {
    if (token === null) continue;
    lengths[id] = token.length;
    bytes.set(token, at);
    at += token.length;
  }
  return { bytes, lengths, endToken, endTokens: tokenizer.eosTokenIds, first: firstTokens(tokens, tokenizer) };
}

function firstTokens(tokens: readonly (Uint8Array | null)[], tokenizer: Tokenizer): FirstTokens {
  const spaced: { readonly id: number; readonly rest: string }[] = [];
  const idOf = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    if (token === null || token.length === 0) continue;
    const key = Buffer.from(token).toString('latin1');
    if (!idOf.has(key)) idOf.set(key, id);
    if (token[0] === SPACE) spaced.push({ id, rest: key.slice(1) });
  }
  const drops = spaced.some(({ id, rest }) => /^[a-z]+$/i.test(rest) && tokenizer.decode([id]) === rest);
  return new Map(drops ? spaced.map(({ id, rest }) => [id, rest === '' ? SILENT : (idOf.get(rest) ?? null)]) : []);
}
