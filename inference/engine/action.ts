/** What the scheduler can decide: who gets a slot, and what the engine does next. */
import type { SlotCopy } from './model-runner.ts';
import type { Remnant } from './remnants.ts';

export interface DecodeRow<S> {
  /** Holder of the row's slot, or null. */
  readonly sequence: S | null;
  /** Tokens at the head of the slot that must not be written over. */
  readonly length: number;
  /** False for a row that is only there because the range is contiguous. */
  readonly due: boolean;
}

export interface Copy<S> extends SlotCopy {
  /** Whose tokens they are, and who goes on behind them; null when a free slot makes room for another's use. */
  readonly sequence: S | null;
  /** True if it goes on behind them only when it comes there: they are its own from before, and those before them are lost. */
  readonly ahead: boolean;
}

/** A sequence that got a slot. */
export interface Admission<S> {
  readonly sequence: S;
  /** Who gave the slot up for it, has nothing in the cache any more, and waits; null if the slot was free. */
  readonly preempted: S | null;
  /** Where it goes on when it comes there: its own tokens of before, which are still in the slot. */
  readonly ahead: Pick<Remnant, 'from' | 'to'> | null;
  /** Tokens of its prompt that are in the slot. */
  readonly reused: number;
  /** Tokens of its prompt that will be there after the copies that come next. */
  readonly expected: number;
}

export type Action<S> =
  /** Run the vision encoder over at most `images` images. */
  | { readonly kind: 'encode'; readonly images: number }
  | { readonly kind: 'prefill'; readonly sequence: S; readonly slot: number; readonly start: number; readonly tokens: number }
  /** Copy what the tokens `start … start + tokens - 1` have in the cache from one slot to another. */
  | ({ readonly kind: 'copy' } & Copy<S>)
  /** One token, or up to `tokensPerSlot`, for each slot from `firstSlot` on. */
  | { readonly kind: 'decode'; readonly firstSlot: number; readonly rows: readonly DecodeRow<S>[]; readonly tokensPerSlot: number }
  | { readonly kind: 'idle' };
