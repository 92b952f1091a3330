/** Which sequence holds which slot of the cache, and what prompts the free slots still have. */
import { mayShare, type PromptKey, sharedTokens } from './prompt-key.ts';

export interface SlotHolder {
  readonly key: PromptKey;
  /** Its tokens in the cache. */
  readonly computed: number;
}

/** The head of a slot, whose keys and values another sequence may start from. */
interface Content {
  readonly key: PromptKey;
  /** Never more than the prompt: what decoding wrote is rounded differently, and would change an answer that starts from it. */
  readonly tokens: number;
}

interface Kept extends Content {
  /** Time of the last use, as a count; the smallest is given up first. */
  readonly usedAt: number;
}

/** Fewer shared tokens than this are not worth a copy, or a slot to keep them in. */
export const MIN_SHARED = 16;
/** A prompt's last tokens are always computed: one for its logits, and a second since a run of one rounds as decoding does. */
const ALWAYS_COMPUTED = 2;

/** Before any use: another slot has all of it. */
const SPENT = 0;

export class SlotTable<Holder extends SlotHolder> {
  readonly #keeps: boolean;
  readonly #holders: (Holder | null)[];
  readonly #kept: (Kept | null)[];
  readonly #slots = new Map<Holder, number>();
  #clock = SPENT + 1;

  /** @param keeps whether a free slot's prompt may be used again */
  constructor(size: number, keeps: boolean) {
    this.#keeps = keeps;
    this.#holders = Array.from({ length: size }, () => null);
    this.#kept = Array.from({ length: size }, () => null);
  }

  get size(): number {
    return this.#holders.length;
  }

  get free(): number {
    return this.#holders.length - this.#slots.size;
  }

  /** Holders in the order in which they got their slots. */
  holders(): IterableIterator<Holder> {
    return this.#slots.keys();
  }

  slotOf(holder: Holder): number | undefined {
    return this.#slots.get(holder);
  }

  holderOf(slot: number): Holder | null {
    return this.#holders[slot] ?? null;
  }

  /** Tokens at the head of a slot that nobody may write over. */
  lengthOf(slot: number): number {
    return this.#holders[slot]?.computed ?? this.#kept[slot]?.tokens ?? 0;
  }

  /** Tokens that a free slot keeps; 0 for a held one. */
  keptIn(slot: number): number {
    return this.#kept[slot]?.tokens ?? 0;
  }

  /** When the kept tokens of a free slot were last used; less than any time for a slot that keeps none. */
  usedAt(slot: number): number {
    return this.#kept[slot]?.usedAt ?? -1;
  }

  /** Tokens of a slot that a prompt can start from; 0 when they are fewer than `least`, and too few to be of use. */
  shared(slot: number, prompt: PromptKey, least = MIN_SHARED): number {
    const content = this.#contentOf(slot);
    if (content === null || content.tokens < least || !mayShare(content.key, prompt, least)) return 0;
    const shared = Math.min(sharedTokens(content.key, prompt), content.tokens, prompt.ids.length - ALWAYS_COMPUTED);
    return shared < least ? 0 : shared;
  }

  /** Gives a free slot away. What it kept is the holder's to use or to write over. */
  acquire(holder: Holder, slot: number): void {
    this.#kept[slot] = null;
    this.#holders[slot] = holder;
    this.#slots.set(holder, slot);
  }

  /** Frees the holder's slot, if it has one; its prompt, as far as it was computed, is kept. */
  release(holder: Holder): void {
    const slot = this.#slots.get(holder);
    if (slot === undefined) return;
    const content = this.#contentOf(slot);
    this.#holders[slot] = null;
    this.#slots.delete(holder);
    this.#kept[slot] = content === null || content.tokens < MIN_SHARED ? null : { ...content, usedAt: this.#clock++ };
  }

  /** Notes that what a free slot keeps is, or is about to be, in another free slot as well. */
  duplicate(from: number, to: number): void {
    this.#kept[to] = this.#kept[from] ?? null;
  }

  /** Another prompt started from so many tokens of the slot. If a free slot keeps no more than that, it may go first. */
  use(slot: number, tokens: number): void {
    const kept = this.#kept[slot];
    if (kept) this.#kept[slot] = { ...kept, usedAt: kept.tokens - tokens < MIN_SHARED ? SPENT : this.#clock++ };
  }

  /** What a free slot keeps is not to be used any more. */
  forget(slot: number): void {
    this.#kept[slot] = null;
  }

  #contentOf(slot: number): Content | null {
    if (!this.#keeps) return null;
    const holder = this.#holders[slot];
    if (!holder) return this.#kept[slot] ?? null;
    return { key: holder.key, tokens: Math.min(holder.computed, holder.key.ids.length) };
  }
}
