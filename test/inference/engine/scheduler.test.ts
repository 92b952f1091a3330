import t from 'tap';
import type { Action } from '../../../inference/engine/action.ts';
import { Scheduler, type SchedulerOptions } from '../../../inference/engine/scheduler.ts';
import { MAX_PASSED_OVER, MIN_TURN } from '../../../inference/engine/waiting-line.ts';
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

const begin = (scheduler: Scheduler<Plain>) =>
  scheduler.admit().map(({ sequence, preempted, ahead, reused }) => {
    if (preempted !== null) preempted.preempt();
    sequence.computed = reused;
    if (ahead !== null) sequence.expect(ahead);
    return sequence;
  });

t.test('a better priority goes first, and takes the slot of the worst priority, of equals the youngest', (t) => {
  const scheduler = new Scheduler<Plain>({ ...options, slots: 3 });
  const [old, young, worse, late] = [5, 5, 4, 5].map((priority) => sequence(20, { priority })) as [Plain, Plain, Plain, Plain];
  for (const each of [late, old, young]) scheduler.enqueue(each);
  scheduler.enqueue(worse);
  t.strictSame(begin(scheduler), [worse, late, old]);
  scheduler.remove(late);
  t.strictSame(begin(scheduler), [young]);

  const equal = sequence(20, { priority: 5 });
  scheduler.enqueue(equal);
  t.strictSame(scheduler.admit(), [], 'nobody gives way to an equal');
  const urgent = [0, 0].map((priority) => sequence(20, { priority }));
  for (const each of urgent) scheduler.enqueue(each);
  t.match(scheduler.admit(), [
    { sequence: urgent[0], preempted: young },
    { sequence: urgent[1], preempted: old },
  ]);
  t.equal(scheduler.waiting, 3);
  scheduler.remove(urgent[0]!);
  t.strictSame(begin(scheduler), [old], 'who gave way is in the place that it came in');
  t.end();
});

t.test('a slot that is had again is kept until something has come of it, unless its holder is paused', (t) => {
  const scheduler = new Scheduler<Plain>({ ...options, slots: 1, prefixCache: false });
  const patient = sequence(20, { priority: 1 });
  scheduler.enqueue(patient);
  begin(scheduler);
  Object.assign(patient, { computed: 49, said: 30 });
  const urgent = () => {
    const one = sequence(20);
    scheduler.enqueue(one);
    const admitted = begin(scheduler).includes(one);
    scheduler.remove(one);
    return admitted;
  };
  t.equal(urgent(), true);
  t.strictSame(begin(scheduler), [patient]);
  for (const [said, gives] of [
    [30, false],
    [30 + MIN_TURN, false],
    [59, false],
    [60, true],
  ] as const) {
    patient.said = said;
    t.equal(urgent(), gives, `${said} tokens`);
  }
  begin(scheduler);
  Object.assign(patient, { said: 61, paused: true });
  t.equal(urgent(), true);
  t.strictSame(begin(scheduler), [], 'nor does it get a slot while it is paused');
  patient.paused = false;
  begin(scheduler);
  Object.assign(patient, { said: 200, paused: true, held: true });
  t.equal(urgent(), false, 'whose next token is being chosen stays');
  t.end();
});

t.test('who came first is passed over so many times, and no more', (t) => {
  const scheduler = new Scheduler<Plain>({ ...options, slots: 1, maxQueue: 100 });
  const patient = sequence(20, { priority: 9 });
  const running = sequence(20);
  scheduler.enqueue(running);
  begin(scheduler);
  scheduler.enqueue(patient);
  let holder = running;
  for (let passed = 0; passed < MAX_PASSED_OVER; passed++) {
    const next = sequence(20);
    scheduler.enqueue(next);
    scheduler.remove(holder);
    t.strictSame(begin(scheduler), [next]);
    holder = next;
  }
  scheduler.enqueue(sequence(20));
  scheduler.remove(holder);
  t.strictSame(begin(scheduler), [patient]);
  patient.said = MIN_TURN - 1;
  t.strictSame(scheduler.admit(), [], 'and keeps its slot');
  patient.said = MIN_TURN;
  t.match(scheduler.admit(), [{ preempted: patient }]);
  t.end();
});

t.test('a short prompt does not wait for the whole of a long one, nor a long one for all short ones', (t) => {
  const scheduler = new Scheduler<Plain>({ ...options, slots: 8, prefixCache: false });
  const long = sequence(400);
  scheduler.enqueue(long);
  begin(scheduler);
  const order: Plain[] = [];
  const step = () => {
    let action = scheduler.next(0);
    while (action.kind === 'decode') action = scheduler.next(0);
    if (action.kind !== 'prefill') return;
    action.sequence.computed += action.tokens;
    order.push(action.sequence);
  };
  for (let i = 0; i < 4; i++) step();
  const short = Array.from({ length: 6 }, () => sequence(16));
  for (const each of short) scheduler.enqueue(each);
  begin(scheduler);
  for (let i = 0; i < 9; i++) step();
  t.strictSame(order.slice(4), [...short.slice(0, 3), long, ...short.slice(3), long, long]);
  const urgent = sequence(300, { priority: -1 });
  for (const each of [sequence(16), urgent]) scheduler.enqueue(each);
  scheduler.remove(short[0]!);
  begin(scheduler);
  step();
  t.equal(order.at(-1), urgent, 'but for a better priority');
  t.end();
});

t.test('what a successor has not written over is not computed again, in the same slot or in another', (t) => {
  /** Until prompts are computed, and everybody has had a token more. */
  const run = (scheduler: Scheduler<Plain>) => {
    for (let steps = 0; steps < 40; steps++) {
      const action = scheduler.next(0);
      if (action.kind === 'prefill') action.sequence.computed += action.tokens;
    }
  };
  const preempted = () => {
    const scheduler = new Scheduler<Plain>({ ...options, slots: 2 });
    const [other, victim] = [sequence(30), sequence(100, { priority: 1 })];
    for (const each of [other, victim]) scheduler.enqueue(each);
    begin(scheduler);
    run(scheduler);
    Object.assign(victim, { computed: 140, said: 41 });
    const urgent = sequence(40);
    scheduler.enqueue(urgent);
    begin(scheduler);
    run(scheduler);
    return { scheduler, other, victim, urgent };
  };
  const same = preempted();
  same.scheduler.remove(same.urgent);
  t.match(same.scheduler.admit(), [{ sequence: same.victim, ahead: { from: 41, to: 140 } }], 'a row may have written behind its 40 tokens');
  const another = preempted();
  another.urgent.computed = 60;
  another.scheduler.next(0);
  another.scheduler.remove(another.other);
  t.match(another.scheduler.admit(), [{ sequence: another.victim, ahead: null }]);
  t.match(another.scheduler.next(0), { kind: 'copy', sequence: another.victim, from: 1, to: 0, start: 61, tokens: 79, ahead: true });
  t.end();
});
