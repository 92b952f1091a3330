/** Estimates when a caller who was turned away may come again. */

const MAX_SECONDS = 60;
/** Share of the newest sequence in the running mean. */
const WEIGHT = 1 / 8;

export class RetryAfter<Holder> {
  readonly #since = new Map<Holder, number>();
  /** Running mean of the time for which a slot is held. */
  #meanMs = 1000;

  /** The holder got a slot. */
  begin(holder: Holder): void {
    this.#since.set(holder, performance.now());
  }

  /** The holder is gone; nothing happens if it never had a slot. */
  end(holder: Holder): void {
    const since = this.#since.get(holder);
    if (since === undefined) return;
    this.#since.delete(holder);
    this.#meanMs += (performance.now() - since - this.#meanMs) * WEIGHT;
  }

  /** Whole seconds until `ahead` sequences have passed through `slots` slots. */
  seconds(ahead: number, slots: number): number {
    const seconds = Math.ceil(((ahead / slots) * this.#meanMs) / 1000);
    return Math.min(Math.max(seconds, 1), MAX_SECONDS);
  }
}
