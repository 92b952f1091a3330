/** Decides which slot a sequence gets, and what of other slots' prompts is copied to spare it computing. */
import type { PromptKey } from './prompt-key.ts';
import { MIN_SHARED, type SlotHolder, type SlotTable } from './slots.ts';

export interface Placement {
  readonly slot: number;
  /** Tokens of the prompt that the slot has already. */
  readonly reused: number;
  /** Free slot that takes over what the slot keeps for others, or null when that is given up. */
  readonly evacuateTo: number | null;
  /** Slot to copy more of the prompt from, and up to which token. */
  readonly source: PrefixSource | null;
}

export interface PrefixSource {
  readonly slot: number;
  readonly tokens: number;
}

/**
 * A slot that keeps nothing but the beginning of the prompt is taken as it is. Otherwise it is the free slot nearest to
 * those in use, since a decode run is over a range of slots; what it keeps moves to the one unused for longest.
 * @param reach slots beyond the range in use that cost a decode run nothing worth a copy
 * @param former slot that has more of the sequence than its prompt, and is taken if it is free and within reach
 * @returns null when no slot is free
 */
export function place<H extends SlotHolder>(
  slots: SlotTable<H>,
  prompt: PromptKey,
  reach: number,
  former: number | null = null,
): Placement | null {
  const free = freeSlots(slots, prompt);
  const [first] = free;
  if (first === undefined) return null;
  const near = free.filter(({ distance }) => distance <= reach);
  const inPlace = near.filter(({ shared, kept }) => shared > 0 && kept - shared < MIN_SHARED);
  const [chosen = first] = [
    ...near.filter(({ slot }) => slot === former),
    ...inPlace.sort((a, b) => b.shared - a.shared || a.distance - b.distance),
    ...free.toSorted((a, b) => a.distance - b.distance || a.usedAt - b.usedAt || a.slot - b.slot),
  ];
  const source = bestSource(slots, prompt, chosen.slot, chosen.shared);
  return { slot: chosen.slot, reused: chosen.shared, evacuateTo: evacuation(free, chosen, source), source };
}

/** @returns the slot, other than `slot`, with more of the prompt than the `computed` tokens that are there; null if none is worth a copy */
export function bestSource<H extends SlotHolder>(
  slots: SlotTable<H>,
  prompt: PromptKey,
  slot: number,
  computed: number,
): PrefixSource | null {
  let best: PrefixSource | null = null;
  for (let other = 0; other < slots.size; other++) {
    if (other === slot) continue;
    const tokens = slots.shared(other, prompt, best === null ? computed + MIN_SHARED : best.tokens + 1);
    if (tokens > 0) best = { slot: other, tokens };
  }
  return best;
}

interface FreeSlot {
  readonly slot: number;
  /** From the range of slots in use; 0 within it, or when none is in use. */
  readonly distance: number;
  /** Tokens that it keeps, and those of them that the prompt begins with. */
  readonly kept: number;
  readonly shared: number;
  readonly usedAt: number;
}

function freeSlots<H extends SlotHolder>(slots: SlotTable<H>, prompt: PromptKey): FreeSlot[] {
  let lowest = slots.size;
  let highest = -1;
  for (let slot = 0; slot < slots.size; slot++) {
    if (slots.holderOf(slot) === null) continue;
    lowest = Math.min(lowest, slot);
    highest = slot;
  }
  const free: FreeSlot[] = [];
  for (let slot = 0; slot < slots.size; slot++) {
    if (slots.holderOf(slot) !== null) continue;
    free.push({
      slot,
      distance: highest < 0 ? 0 : Math.max(0, lowest - slot, slot - highest),
      kept: slots.keptIn(slot),
      shared: slots.shared(slot, prompt),
      usedAt: slots.usedAt(slot),
    });
  }
  return free;
}

/** The free slot that has been unused for longest, if that is longer than the chosen one, whose content would be lost. */
function evacuation(free: readonly FreeSlot[], chosen: FreeSlot, source: PrefixSource | null): number | null {
  if (chosen.kept - chosen.shared < MIN_SHARED) return null;
  const staler = free.filter(({ slot, usedAt }) => slot !== source?.slot && usedAt < chosen.usedAt);
  // Of several that keep nothing, the farthest will be in nobody's way.
  const [stalest] = staler.sort((a, b) => a.usedAt - b.usedAt || b.distance - a.distance);
  return stalest?.slot ?? null;
}
