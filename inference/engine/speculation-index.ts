/** Finds where the last few tokens of a text stood before, and what followed them: prompt look-up decoding. */

/** The longest end of a text that is looked up. */
export const LONGEST_MATCH = 3;

const SMALLEST_TABLE = 64;

export interface Match {
  /** Tokens of the end that were found: 1 … LONGEST_MATCH. */
  readonly length: number;
  /** Position of the token that followed them. */
  readonly next: number;
}

/**
 * A hash table from every run of 1 … LONGEST_MATCH tokens that another token followed to where that was last. Only positions are
 * kept, and compared by the tokens there, so it is exact and takes at most 48 bytes a token.
 */
export class SpeculationIndex {
  readonly #barrier: number | null;
  #tokens: Int32Array;
  #length = 0;
  /** `next · (LONGEST_MATCH + 1) + length` of matches, or 0; open addressing, at most half full. */
  #table = new Int32Array(SMALLEST_TABLE);
  #entries = 0;

  /**
   * @param barrier token that neither matches nor is guessed, as the placeholder of images, whose id does not tell what they show
   */
  constructor(ids: ArrayLike<number>, barrier: number | null) {
    this.#barrier = barrier;
    this.#tokens = new Int32Array(Math.max(SMALLEST_TABLE, 2 * ids.length));
    for (let i = 0; i < ids.length; i++) this.push(ids[i] as number);
  }

  get length(): number {
    return this.#length;
  }

  push(token: number): void {
    const position = this.#length;
    if (position === this.#tokens.length) {
      const longer = new Int32Array(2 * position);
      longer.set(this.#tokens);
      this.#tokens = longer;
    }
    this.#tokens[position] = token;
    this.#length++;
    if (token === this.#barrier) return;
    for (let length = 1; length <= LONGEST_MATCH && this.#isText(position - length); length++) this.#put(position, length);
  }

  /** The longest end of the text that was there before, where it was last; null if its last token is new. */
  match(): Match | null {
    const end = this.#length;
    let found: Match | null = null;
    // Whoever has not seen an end has not seen a longer one.
    for (let length = 1; length <= LONGEST_MATCH && this.#isText(end - length); length++) {
      const entry = this.#table[this.#find(end, length)] as number;
      if (entry === 0) break;
      found = { length, next: Math.floor(entry / (LONGEST_MATCH + 1)) };
    }
    return found;
  }

  /** At most `count` tokens from `next` on; past the end of the text they repeat, as the text would that goes on so. */
  follow(next: number, count: number): number[] {
    const period = this.#length - next;
    const tokens: number[] = [];
    for (let i = 0; i < count; i++) {
      const token = this.#tokens[next + (i % period)] as number;
      if (token === this.#barrier) break;
      tokens.push(token);
    }
    return tokens;
  }

  #isText(position: number): boolean {
    return position >= 0 && this.#tokens[position] !== this.#barrier;
  }

  #put(next: number, length: number): void {
    const at = this.#find(next, length);
    if (this.#table[at] === 0) this.#entries++;
    this.#table[at] = next * (LONGEST_MATCH + 1) + length;
    if (2 * this.#entries > this.#table.length) this.#grow();
  }

  /** Place in the table of the `length` tokens before `next`: theirs, or the free one that would be. */
  #find(next: number, length: number): number {
    const tokens = this.#tokens;
    const mask = this.#table.length - 1;
    let hash = length;
    for (let i = 1; i <= length; i++) {
      hash = Math.imul(hash ^ (tokens[next - i] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = this.#table[at] as number;
      if (entry === 0) return at;
      if (entry % (LONGEST_MATCH + 1) !== length) continue;
      const other = Math.floor(entry / (LONGEST_MATCH + 1));
      let same = 1;
      while (same <= length && tokens[other - same] === tokens[next - same]) same++;
      if (same > length) return at;
    }
  }

  #grow(): void {
    const entries = this.#table;
    this.#table = new Int32Array(2 * entries.length);
    for (const entry of entries) {
      if (entry === 0) continue;
      this.#table[this.#find(Math.floor(entry / (LONGEST_MATCH + 1)), entry % (LONGEST_MATCH + 1))] = entry;
    }
  }
}
