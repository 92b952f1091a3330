/** When a sequence's constraint is not worked out by the time its logits are there: it is then, or the batch waits a little, then goes on without it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Constraint } from './constraint.ts';
import type { Sequence } from './sequence.ts';

/** Masks take microseconds, so one that is late is nearly there; leaving its row out would cost it a whole step. */
const PATIENCE_MS = 5;
const LATE = 'late';

export interface LateMaskOptions {
  readonly onLogits: (sequence: Sequence, logits: Float32Array) => void;
  readonly onFailure: (sequence: Sequence, failure: Error) => void;
  /** A sequence that was held may go on. */
  readonly onResume: () => void;
}

/**
 * Resolves when the token is chosen, or when the sequence is held until it can be: its logits are then kept, and nothing is
 * computed for it meanwhile.
 * @param logits `[vocab]`, valid until the promise resolves
 */
export async function chooseLate(
  sequence: Sequence,
  constraint: Constraint,
  logits: Float32Array,
  options: LateMaskOptions,
): Promise<void> {
  if (constraint.hurry?.(logits)) {
    options.onLogits(sequence, logits);
    return;
  }
  const settled = constraint.settle().then(
    () => null,
    (failure: unknown) => (failure instanceof Error ? failure : new Error(String(failure))),
  );
  const conclude = (row: Float32Array, failure: Error | null) => {
    if (sequence.ended) return;
    if (failure === null) options.onLogits(sequence, row);
    else options.onFailure(sequence, failure);
  };
  const stop = new AbortController();
  const early = await Promise.race([
    settled,
    delay<typeof LATE>(PATIENCE_MS, LATE, { signal: stop.signal }).catch((): typeof LATE => LATE),
  ]);
  stop.abort();
  if (early !== LATE) {
    conclude(logits, early);
    return;
  }
  const kept = logits.slice();
  sequence.held = true;
  void settled.then((failure) => {
    sequence.held = false;
    conclude(kept, failure);
    options.onResume();
  });
}
