/** Byte-pair encoding over token ids, with the rules of the Rust library's `BPE` model. */
import { isObject, type JsonObject } from '../json-file.ts';

/** Words up to this length are remembered, this many of them. */
const cacheable = { length: 48, words: 20_000 };

export class BytePairEncoder {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Rank of the merge of two ids, by {@link pairKey}. */
  readonly #ranks = new Map<number, number>();
  /** What the merge of each rank gives. */
  readonly #merged: Int32Array;
  readonly #size: number;
  /** Ids of `<0x00>` … `<0xFF>`, or null if bytes have no tokens. */
  readonly #bytes: readonly (number | undefined)[] | null;
  readonly #unknown: number | null;
  readonly #fuseUnknown: boolean;
  /** A word that is a token is taken whole, whether or not merges lead to it. */
  readonly #ignoreMerges: boolean;
  readonly #cache = new Map<string, readonly number[]>();
  readonly #utf8 = new TextEncoder();

  /**
   * @param config `model` of a `tokenizer.json`
   * @throws Error if it is no BPE model, or one for which merges are not enough
   */
  constructor(config: JsonObject) {
    if (config['type'] !== 'BPE') throw new Error(`model type ${JSON.stringify(config['type'])} is not supported; expected "BPE"`);
    for (const field of ['continuing_subword_prefix', 'end_of_word_suffix']) {
      if (config[field]) throw new Error(`model has "${field}", which is not supported`);
    }
    const { vocab, merges } = config;
    if (!isObject(vocab) || !Array.isArray(merges)) throw new Error('model has no "vocab" or no "merges"');
    const vocabulary = new Map<string, number>();
    for (const [token, id] of Object.entries(vocab)) if (typeof id === 'number') vocabulary.set(token, id);
    this.vocabulary = vocabulary;
    this.#size = [...vocabulary.values()].reduce((most, id) => Math.max(most, id), -1) + 1;
    this.#merged = new Int32Array(merges.length);
    merges.forEach((merge: unknown, rank) => {
      const [left, right] = typeof merge === 'string' ? splitOnce(merge) : Array.isArray(merge) ? merge : [];
      const ids = [left, right, `${left}${right}`].map((token) => vocabulary.get(String(token)));
      const [a, b, ab] = ids;
      if (a === undefined || b === undefined || ab === undefined)
        throw new Error(`merge ${rank} has a token that is not in the vocabulary`);
      this.#merged[rank] = ab;
      this.#ranks.set(this.#pairKey(a, b), rank);
    });
    const hex = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    this.#bytes = config['byte_fallback'] === true ? Array.from({ length: 256 }, (_, byte) => vocabulary.get(hex(byte))) : null;
    this.#unknown = typeof config['unk_token'] === 'string' ? (vocabulary.get(config['unk_token']) ?? null) : null;
    this.#fuseUnknown = config['fuse_unk'] === true;
    this.#ignoreMerges = config['ignore_merges'] === true;
  }

  /** Token ids of a word, or of a whole text if the tokeniser does not split into words. */
  encode(word: string): readonly number[] {
    const known = this.#cache.get(word);
    if (known !== undefined) return known;
    const whole = this.#ignoreMerges ? this.vocabulary.get(word) : undefined;
    const ids = whole === undefined ? this.#merge(this.#symbols(word)) : [whole];
    if (word.length <= cacheable.length) {
      if (this.#cache.size >= cacheable.words) this.#cache.clear();
      this.#cache.set(word, ids);
    }
    return ids;
  }

  #pairKey(left: number, right: number): number {
    return left * this.#size + right;
  }

  /** One id a character; or its bytes, or the unknown token. */
  #symbols(word: string): number[] {
    const ids: number[] = [];
    let unknown = false;
    for (const character of word) {
      const id = this.vocabulary.get(character);
      if (id === undefined) {
        const bytes = this.#bytes === null ? [undefined] : Array.from(this.#utf8.encode(character), (byte) => this.#bytes?.[byte]);
        if (bytes.every((byte) => byte !== undefined)) ids.push(...bytes);
        else if (this.#unknown !== null && !(unknown && this.#fuseUnknown)) {
          unknown = true;
          ids.push(this.#unknown);
        }
        continue;
      }
      unknown = false;
      ids.push(id);
    }
    return ids;
  }

  /** Merges the pair of lowest rank, the leftmost of equal ones, until no pair has a rank. */
  #merge(symbols: number[]): number[] {
    const length = symbols.length;
    if (length < 2) return symbols;
    const previous = Int32Array.from({ length }, (_, i) => i - 1);
    const next = Int32Array.from({ length }, (_, i) => (i + 1 < length ? i + 1 : -1));
    const gone = new Uint8Array(length);
    const queue = new MinHeap();
    // Rank first, then position.
    const offer = (left: number, right: number) => {
      const rank = this.#ranks.get(this.#pairKey(symbols[left] as number, symbols[right] as number));
      if (rank !== undefined) queue.push(rank * length + left);
    };
    for (let i = 0; i + 1 < length; i++) offer(i, i + 1);
    for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
      const at = top % length;
      const rank = (top - at) / length;
      const right = next[at] as number;
      if (gone[at] === 1 || right < 0) continue;
      // The pair may have become another one since it was queued.
      if (this.#ranks.get(this.#pairKey(symbols[at] as number, symbols[right] as number)) !== rank) continue;
      symbols[at] = this.#merged[rank] as number;
      gone[right] = 1;
      const after = next[right] as number;
      next[at] = after;
      if (after >= 0) {
        previous[after] = at;
        offer(at, after);
      }
      const before = previous[at] as number;
      if (before >= 0) offer(before, at);
    }
    return symbols.filter((_, i) => gone[i] === 0);
  }
}

/** The numbers in it come out in order. */
class MinHeap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as number;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && (items[child + 1] as number) < (items[child] as number)) child++;
      const below = items[child] as number;
      if (below >= last) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

/** Merges used to be written as one string; a token may hold a space only in the newer form. */
function splitOnce(merge: string): [string, string] {
  const space = merge.indexOf(' ');
  return [merge.slice(0, space), merge.slice(space + 1)];
}
