/** Which holder has which slot of the cache. */

/** The lowest free slot goes first, so that the held ones stay a dense range and a decode step has few idle rows. */
export class SlotTable<Holder> {
  readonly #holders: (Holder | null)[];
  readonly #slots = new Map<Holder, number>();

  constructor(size: number) {
    this.#holders = Array.from({ length: size }, () => null);
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

  /** @returns the slot, or null when none is free */
  acquire(holder: Holder): number | null {
    const slot = this.#holders.indexOf(null);
    if (slot < 0) return null;
    this.#holders[slot] = holder;
    this.#slots.set(holder, slot);
    return slot;
  }

  /** Frees the holder's slot, if it has one. */
  release(holder: Holder): void {
    const slot = this.#slots.get(holder);
    if (slot === undefined) return;
    this.#holders[slot] = null;
    this.#slots.delete(holder);
  }
}
