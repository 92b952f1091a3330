import t from 'tap';
import type { Action } from '../../../inference/engine/action.ts';
import { Scheduler, type SchedulerOptions } from '../../../inference/engine/scheduler.ts';
import { options, type Plain, sequence } from './scheduler-helper.ts';

/** A scheduler whose slots are held by sequences that decode. */
function decoding(count: number, change: Partial<SchedulerOptions> = {}) {
  const scheduler = new Scheduler<Plain>({ ...options, slots: 16, ...change });
  const sequences = Array.from({ length: count }, () => sequence(3, { computed: 3 }));
  for (const each of sequences) scheduler.enqueue(each);
  scheduler.admit();
  return { scheduler, sequences };
}

t.test('slots go to those who came first, the lowest slot first', (t) => {
  const scheduler = new Scheduler<Plain>({ ...options, slots: 2 });
  const [a, b, c, d] = [sequence(5), sequence(5), sequence(5), sequence(5)] as const;
  for (const each of [a, b, c, d]) scheduler.enqueue(each);
  const admitted = () => scheduler.admit().map((admission) => admission.sequence);
  t.strictSame(admitted(), [a, b]);
  t.equal(scheduler.room, 8);
  t.strictSame(scheduler.next(0), { kind: 'prefill', sequence: a, slot: 0, start: 0, tokens: 5 });
  scheduler.remove(a);
  scheduler.remove(c);
  t.strictSame(admitted(), [d]);
  b.computed = 5;
  t.match(scheduler.next(0), { kind: 'prefill', sequence: d, slot: 0 });
  t.end();
});

t.test('without work there is nothing to do', (t) => {
  const scheduler = new Scheduler<Plain>(options);
  t.strictSame(scheduler.next(0), { kind: 'idle' });
  const { scheduler: paused, sequences } = decoding(1);
  for (const each of sequences) each.paused = true;
  t.strictSame(paused.next(0), { kind: 'idle' });
  t.end();
});

t.test('a decode run takes idle rows along where that is cheaper than another run', (t) => {
  const { scheduler, sequences } = decoding(10);
  for (const slot of [1, 2, 5, 6, 7]) scheduler.remove(sequences[slot]!);
  const due = (action: Action<Plain>) => (action.kind === 'decode' ? action.rows.map((row) => row.due) : action.kind);
  const first = scheduler.next(0);
  t.match(first, { kind: 'decode', firstSlot: 0 });
  t.strictSame(due(first), [true, false, false, true, true]);
  const second = scheduler.next(0);
  t.match(second, { kind: 'decode', firstSlot: 8 });
  t.strictSame(due(second), [true, true]);
  t.match(scheduler.next(0), { kind: 'decode', firstSlot: 0 }, 'the next round');
  t.end();
});

t.test('a row that is only in the range shows its holder, who is not due', (t) => {
  const { scheduler, sequences } = decoding(3);
  sequences[1]!.paused = true;
  const action = scheduler.next(0);
  t.strictSame(action.kind === 'decode' && action.rows, [
    { sequence: sequences[0], length: 3, due: true },
    { sequence: sequences[1], length: 3, due: false },
    { sequence: sequences[2], length: 3, due: true },
  ]);
  t.end();
});

t.test('who is removed or paused in the middle of a round is not decoded in it', (t) => {
  const { scheduler, sequences } = decoding(9);
  for (const slot of [1, 2, 3, 5, 6, 7]) scheduler.remove(sequences[slot]!);
  t.match(scheduler.next(0), { kind: 'decode', firstSlot: 0 });
  scheduler.remove(sequences[4]!);
  sequences[8]!.paused = true;
  t.match(scheduler.next(0), { kind: 'decode', firstSlot: 0 });
  t.end();
});

t.test('a prompt is computed in whole chunks, which wait for images and for those who decode', (t) => {
  const { scheduler } = decoding(1, { prefillChunk: 16 });
  const stub = sequence(50, { computable: 5 });
  const whole = sequence(50, { computable: 17 });
  scheduler.enqueue(stub);
  scheduler.enqueue(whole);
  scheduler.admit();
  const prefills = () => {
    const action = scheduler.next(0);
    if (action.kind === 'prefill') action.sequence.computed += action.tokens;
    return action.kind === 'prefill' ? [action.sequence.name, action.start, action.tokens] : action.kind;
  };
  t.strictSame(prefills(), [whole.name, 0, 16], 'an image is waited for, unless there is a whole chunk before it');
  t.strictSame(prefills(), 'decode');
  t.strictSame(prefills(), 'decode', 'what comes before the image in the next chunk is not computed alone');
  stub.computable = 50;
  stub.promptLength = 20;
  t.strictSame(prefills(), [stub.name, 0, 16]);
  t.strictSame(prefills(), 'decode');
  t.strictSame(prefills(), [stub.name, 16, 4]);
  whole.computable = 50;
  t.strictSame(prefills(), 'decode', 'a chunk that would pass the bound waits, and is not made smaller');
  t.strictSame(prefills(), [whole.name, 16, 16]);
  t.end();
});

t.test('encoding takes turns with prefill, and with decoding beside it one image at a time', (t) => {
  const scheduler = new Scheduler<Plain>(options);
  scheduler.enqueue(sequence(5));
  scheduler.admit();
  t.strictSame(scheduler.next(9), { kind: 'encode', images: 4 });
  t.match(scheduler.next(5), { kind: 'prefill' });
  const busy = decoding(1);
  t.strictSame(
    [9, 8, 8, 7].map((ready) => busy.scheduler.next(ready)).map((action) => (action.kind === 'encode' ? action.images : action.kind)),
    [1, 'decode', 1, 'decode'],
  );
  t.end();
});

t.test('a chunk never has a single token, or one more than a block of attention, nor leaves one', (t) => {
  for (const [promptLength, prefillChunk] of [
    [2, 16],
    [17, 16],
    [18, 16],
    [33, 16],
    [34, 16],
    [17, 40],
    [35, 40],
    [50, 33],
    [4, 3],
    [5, 3],
  ] as const) {
    const scheduler = new Scheduler<Plain>({ ...options, prefillChunk });
    const one = sequence(promptLength);
    scheduler.enqueue(one);
    scheduler.admit();
    while (one.computed < promptLength) {
      const action = scheduler.next(0);
      if (action.kind !== 'prefill') return t.fail(action.kind);
      t.ok(action.tokens >= 2 && action.tokens <= prefillChunk && action.tokens % 16 !== 1, `${action.tokens} of ${promptLength}`);
      one.computed += action.tokens;
    }
  }
  t.end();
});
