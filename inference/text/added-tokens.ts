/** Finds the added tokens of a `tokenizer.json` in a text, with the rules of the Rust library's `AddedVocabulary`. */
import { isObject, type JsonObject } from '../json-file.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Dropped when decoding; control, never text, when it comes from a template. */
  readonly special: boolean;
  /** Looked for in the normalised text rather than in the raw one. */
  readonly normalized: boolean;
  readonly singleWord: boolean;
  /** Swallows white space on its left (right). */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** A stretch of text between added tokens, or one added token. */
export type Piece = { readonly text: string; readonly atStart: boolean } | { readonly id: number };

/** The special tokens that `tokenizer_config.json` gives by name. */
export const namedSpecialTokens = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const;

/** One entry of `added_tokens` (tokenizer.json) or `added_tokens_decoder` (tokenizer_config.json). */
function parseAddedToken(value: unknown, id: unknown): AddedToken | null {
  if (!isObject(value) || typeof value['content'] !== 'string' || value['content'] === '' || !Number.isSafeInteger(id)) return null;
  const flag = (name: string, fallback: boolean) => (typeof value[name] === 'boolean' ? value[name] : fallback);
  const special = flag('special', false);
  return {
    id: Number(id),
    content: value['content'],
    special,
    normalized: flag('normalized', !special),
    singleWord: flag('single_word', false),
    lstrip: flag('lstrip', false),
    rstrip: flag('rstrip', false),
  };
}

/**
 * The added tokens of a checkpoint. What `tokenizer_config.json` says of a token overrides `tokenizer.json`, and its
 * named special tokens are special even if they were never added, as in transformers.
 */
export function readAddedTokens(tokenizer: JsonObject, config: JsonObject, idOf: (token: string) => number | undefined): AddedToken[] {
  const byContent = new Map<string, AddedToken>();
  const add = (token: AddedToken | null) => token !== null && byContent.set(token.content, token);
  const list = tokenizer['added_tokens'];
  if (Array.isArray(list)) for (const entry of list) add(parseAddedToken(entry, isObject(entry) ? entry['id'] : null));
  const table = config['added_tokens_decoder'];
  if (isObject(table)) for (const [id, entry] of Object.entries(table)) add(parseAddedToken(entry, Number(id)));
  for (const name of namedSpecialTokens) {
    const content = tokenContent(config[name]);
    if (content === null) continue;
    const known = byContent.get(content);
    if (known !== undefined) {
      byContent.set(content, { ...known, special: true });
      continue;
    }
    const id = idOf(content);
    if (id !== undefined) add(parseAddedToken({ content, special: true }, id));
  }
  return [...byContent.values()];
}

/** Special tokens are written as a string or as an object with `content`. */
export function tokenContent(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return isObject(value) && typeof value['content'] === 'string' ? value['content'] : null;
}

const wordBefore = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const wordAfter = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const spaceBefore = /\p{White_Space}+$/u;
const spaceAfter = /^\p{White_Space}+/u;

/** Splits a text at added tokens: the leftmost match wins, and of those the longest. */
export class AddedTokenSplitter {
  readonly #pattern: RegExp | null;
  readonly #tokens = new Map<string, AddedToken>();

  /** @param spelling how each token is written in the text that will be split (normalised or not) */
  constructor(tokens: readonly AddedToken[], spelling: (token: AddedToken) => string = (token) => token.content) {
    for (const token of tokens) this.#tokens.set(spelling(token), token);
    // A regular expression takes the first alternative that matches, so the longest comes first.
    const contents = [...this.#tokens.keys()].filter((content) => content !== '').sort((a, b) => b.length - a.length);
    this.#pattern =
      contents.length === 0 ? null : new RegExp(contents.map((c) => c.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'g');
  }

  /** @param atStart whether the text's beginning is the beginning of the whole prompt */
  split(text: string, atStart: boolean): Piece[] {
    if (this.#pattern === null) return text === '' ? [] : [{ text, atStart }];
    const pieces: Piece[] = [];
    let done = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#tokens.get(match[0]);
      if (token === undefined) continue;
      let start = match.index;
      let stop = start + match[0].length;
      if (token.singleWord && (wordBefore.test(text.slice(0, start)) || wordAfter.test(text.slice(stop)))) continue;
      if (token.lstrip) start -= spaceBefore.exec(text.slice(done, start))?.[0].length ?? 0;
      if (token.rstrip) stop += spaceAfter.exec(text.slice(stop))?.[0].length ?? 0;
      if (start > done) pieces.push({ text: text.slice(done, start), atStart: atStart && done === 0 });
      pieces.push({ id: token.id });
      done = stop;
    }
    if (done < text.length) pieces.push({ text: text.slice(done), atStart: atStart && done === 0 });
    return pieces;
  }
}
