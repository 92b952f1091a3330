/** Lays out a decode run: which token each row computes, and where. */
import type { DecodeRow } from './action.ts';

/** What must be known of a sequence. */
export interface Decodable {
  /** Its first token that is not in the cache. */
  readonly nextToken: number;
  /** Further tokens that are known, and not in the cache either. */
  readonly prospect: { readonly certain: number };
  /** At most `count` tokens that may follow: those that are known, then guesses. */
  ahead(count: number): readonly number[];
}

/** One slot's rows. */
interface SlotRows<S> {
  /** Who goes on by them; null if nobody does. */
  readonly sequence: S | null;
  readonly first: number;
  /** Those that have a token of their own: the first, and those after it as far as tokens are known or guessed. */
  readonly used: number;
  /** The last of them, whose tokens are guesses. */
  readonly guessed: number;
}

export interface DecodeRun<S> {
  readonly ids: Int32Array;
  readonly lengths: Int32Array;
  readonly slots: readonly SlotRows<S>[];
}

/**
 * Rows without a token of their own repeat the one before them: they write the very same to the same place. A slot that is
 * not due gets any token, behind all that it has, where its next own one will overwrite it.
 */
export function layOut<S extends Decodable>(rows: readonly DecodeRow<S>[], tokensPerSlot: number): DecodeRun<S> {
  const ids = new Int32Array(rows.length * tokensPerSlot);
  const lengths = new Int32Array(ids.length);
  const slots = rows.map(({ sequence, length, due }, slot) => {
    const first = slot * tokensPerSlot;
    if (sequence === null || !due) {
      lengths.fill(length, first, first + tokensPerSlot);
      return { sequence: null, first, used: 0, guessed: 0 };
    }
    const tokens = [sequence.nextToken, ...(tokensPerSlot > 1 ? sequence.ahead(tokensPerSlot - 1) : [])];
    for (let row = 0; row < tokensPerSlot; row++) {
      const place = Math.min(row, tokens.length - 1);
      ids[first + row] = tokens[place] ?? 0;
      lengths[first + row] = length + place;
    }
    return { sequence, first, used: tokens.length, guessed: Math.max(0, tokens.length - 1 - sequence.prospect.certain) };
  });
  return { ids, lengths, slots };
}
