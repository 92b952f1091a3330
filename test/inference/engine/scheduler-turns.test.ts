/** Whose turn it is: priorities, who gives way to whom, and for how long. */
import t from 'tap';
import { Scheduler } from '../../../inference/engine/scheduler.ts';
import { MAX_PASSED_OVER, MIN_TURN } from '../../../inference/engine/waiting-line.ts';
import { begin, options, type Plain, sequence } from './scheduler-helper.ts';

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

t.test('the more decode, the fewer prompt tokens come between two rounds, but never fewer than the least', (t) => {
  const between = (decoding: number) => {
    const scheduler = new Scheduler<Plain>({ ...options, slots: 40, maxQueue: 100, prefillChunk: 128, leastChunk: 32, prefixCache: false });
    for (let i = 0; i < decoding; i++) scheduler.enqueue(sequence(20));
    for (const each of begin(scheduler)) Object.assign(each, { computed: 20 + 1, said: 2 });
    const long = sequence(1000);
    scheduler.enqueue(long);
    begin(scheduler);
    const chunk = scheduler.next(0);
    t.match(chunk, { kind: 'prefill', sequence: long });
    const tokens = chunk.kind === 'prefill' ? chunk.tokens : 0;
    long.advance(tokens);
    if (decoding > 0) t.match(scheduler.next(0), { kind: 'decode' });
    return tokens;
  };
  t.strictSame([0, 1, 3, 5, 13, 39].map(between), [128, 128, 80, 64, 32, 32]);
  t.end();
});
