/** Sequences of plain values, for tests of the policy. */

import type { PromptKey } from '../../../inference/engine/prompt-key.ts';
import type { Remnant } from '../../../inference/engine/remnants.ts';
import type { Schedulable, Scheduler, SchedulerOptions } from '../../../inference/engine/scheduler.ts';

export const options: SchedulerOptions = {
  slots: 4,
  maxQueue: 10,
  prefillChunk: 16,
  imageBatch: 4,
  imageBatchBesideDecode: 1,
  maxGap: 2,
  prefixCache: true,
};

let names = 0;

export class Plain implements Schedulable {
  readonly name = names++;
  priority = 0;
  promptLength: number;
  key: PromptKey;
  computed = 0;
  computable: number;
  /** Tokens of its answer. */
  said = 0;
  paused = false;
  held = false;
  /** Tokens that it has yet to say. */
  left = 5;
  ahead: Pick<Remnant, 'from' | 'to'> | null = null;

  constructor(promptLength: number) {
    this.promptLength = promptLength;
    this.computable = promptLength;
    this.key = { salt: '', ids: Int32Array.from({ length: promptLength }, (_, i) => (i === 0 ? -this.name : i)), images: [] };
  }

  get known(): number {
    return this.promptLength + this.said;
  }

  advance(tokens: number): void {
    this.computed += tokens;
    if (this.ahead === null || this.ahead.from > this.computed) return;
    this.computed = Math.max(this.computed, this.ahead.to);
    this.ahead = null;
  }

  expect(ahead: Pick<Remnant, 'from' | 'to'>): void {
    this.ahead = ahead;
    this.advance(0);
  }

  preempt(): void {
    this.computed = 0;
    this.ahead = null;
  }
}

export function sequence(promptLength: number, change: Partial<Omit<Plain, 'name' | 'known'>> = {}): Plain {
  return Object.assign(new Plain(promptLength), change);
}

/** Lets in whom the scheduler admits, as the engine does. @returns those let in */
export function begin(scheduler: Scheduler<Plain>): Plain[] {
  return scheduler.admit().map(({ sequence, preempted, ahead, reused }) => {
    if (preempted !== null) preempted.preempt();
    sequence.computed = reused;
    if (ahead !== null) sequence.expect(ahead);
    return sequence;
  });
}
