/** How one checkpoint writes calls: the format of its family, with what its tokeniser makes of the marks. */
import type { Tokenizer } from '../tokenizer.ts';
import { formatOf, plainFormat, type ToolCallFormat } from './formats.ts';

export interface Dialect {
  readonly format: ToolCallFormat;
  /** Whatever is no content: the format's marks and, if these have to be shown for it, all other special tokens. */
  readonly marks: Marks;
  /** Ids of the format's marks that are special tokens, by their text. Detokenised as usual they would be left out. */
  readonly specialIds: ReadonlyMap<string, number>;
}

/** A set of texts that are looked for. */
class Marks {
  readonly #texts: ReadonlySet<string>;
  readonly #beginnings: ReadonlySet<string>;

  constructor(texts: readonly string[]) {
    this.#texts = new Set(texts);
    this.#beginnings = new Set(texts.flatMap((text) => Array.from({ length: text.length }, (_, length) => text.slice(0, length))));
  }

  has(text: string): boolean {
    return this.#texts.has(text);
  }

  /** Whether more text could make it a mark. */
  begins(text: string): boolean {
    return this.#beginnings.has(text);
  }
}

/** @param template source of a chat template that shows functions to the model; null if there is none */
export function createDialect(template: string | null, tokenizer: Pick<Tokenizer, 'addedTokens'>): Dialect {
  const format = template === null ? plainFormat : formatOf(template);
  const own = [format.open, format.close].filter((mark) => mark !== null);
  const special = tokenizer.addedTokens.filter((token) => token.special);
  const specialIds = new Map(special.filter(({ content }) => own.includes(content)).map(({ content, id }) => [content, id]));
  const hidden = specialIds.size === 0 ? [] : special.map(({ content }) => content);
  return { format, specialIds, marks: new Marks([...own, ...hidden]) };
}
