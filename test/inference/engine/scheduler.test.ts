import fc from 'fast-check';
import t from 'tap';
import type { PromptKey } from '../../../inference/engine/prompt-key.ts';
import { type Action, type Schedulable, Scheduler, type SchedulerOptions } from '../../../inference/engine/scheduler.ts';

interface Plain extends Schedulable {
  name: number;
  key: PromptKey;
  promptLength: number;
  computed: number;
  computable: number;
  paused: boolean;
  left: number;
}

const options: SchedulerOptions = {
  slots: 4,
  maxQueue: 10,
  prefillChunk: 16,
  imageBatch: 4,
  imageBatchBesideDecode: 1,
  maxGap: 2,
  prefixCache: true,
};

function key(ids: readonly number[], images: PromptKey['images'] = [], salt = ''): PromptKey {
  return { salt, ids: Int32Array.from(ids), images };
}

let names = 0;
function sequence(promptLength: number, change: Partial<Plain> = {}): Plain {
  const name = names++;
  return {
    name,
    key: key(Array.from({ length: promptLength }, (_, i) => (i === 0 ? -name : i))),
    promptLength,
    computed: 0,
    computable: promptLength,
    paused: false,
    left: 5,
    ...change,
  };
}

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

const arrival = fc.record({
  at: fc.nat(60),
  /** Prompts of a family begin alike, up to a token of their own. */
  family: fc.nat(2),
  ownFrom: fc.nat(120),
  promptLength: fc.integer({ min: 1, max: 120 }),
  tokens: fc.integer({ min: 1, max: 20 }),
  cancelledAt: fc.option(fc.nat(150)),
  /** The image stands at this share of the prompt, and its pixels come so many steps after the slot. */
  image: fc.option(fc.record({ share: fc.double({ min: 0, max: 0.99, noNaN: true }), delay: fc.nat(10) })),
  pausedFrom: fc.option(fc.nat(100)),
});

t.test('over random arrivals, lengths, images, pauses and cancellations', (t) => {
  let [reusedTokens, copiedTokens] = [0, 0];
  fc.assert(
    fc.property(
      fc.array(arrival, { maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 3, max: 40 }),
      fc.boolean(),
      (arrivals, slots, prefillChunk, prefixCache) => {
        const scheduler = new Scheduler<Plain>({ ...options, slots, prefillChunk, maxQueue: 5, prefixCache });
        const cache = Array.from({ length: slots }, (): number[] => []);
        const write = (slot: number, position: number, value: number) => {
          if (position > (cache[slot]?.length ?? 0)) throw new Error('a hole in the cache');
          if (cache[slot]) cache[slot][position] = value;
        };
        const requireOwn = (one: Plain, slot: number) => {
          const length = Math.min(one.computed, one.promptLength);
          for (let i = 0; i < length; i++) if (cache[slot]?.[i] !== one.key.ids[i]) throw new Error("another's prompt");
        };
        const alive = new Map<Plain, (typeof arrivals)[number]>();
        const slotOf = new Map<Plain, number>();
        const order: Plain[] = [];
        const admittedOrder: Plain[] = [];
        const waitingImages: { owner: Plain; readyAt: number }[] = [];
        const lastServed = new Map<Plain, number>();
        let prefilledSinceDecode = 0;
        let encodedSinceDecode = 0;
        let copiedSinceDecode = 0;
        const leave = (one: Plain) => {
          alive.delete(one);
          slotOf.delete(one);
          scheduler.remove(one);
          for (let i = waitingImages.length - 1; i >= 0; i--) if (waitingImages[i]?.owner === one) waitingImages.splice(i, 1);
        };
        let now = 0;
        for (; now < 60 || alive.size > 0; now++) {
          if (now > 20_000) throw new Error('somebody starves');
          for (const each of arrivals) {
            if (each.at !== now || scheduler.room < 1) continue;
            const computable = each.image === null ? each.promptLength : Math.floor(each.promptLength * each.image.share);
            const one = sequence(each.promptLength, { computable, left: each.tokens });
            const own = (i: number) => (i < each.ownFrom ? each.family * 1000 + i : one.name * 1e6 + i);
            one.key = key(Array.from({ length: each.promptLength }, (_, i) => own(i)));
            alive.set(one, each);
            order.push(one);
            scheduler.enqueue(one);
          }
          for (const [one, each] of alive) {
            if (each.cancelledAt === now) leave(one);
            one.paused = each.pausedFrom !== null && now >= each.pausedFrom && now < each.pausedFrom + 30;
          }
          if (scheduler.waiting > 5 + slots) throw new Error('the queue is too long');
          for (const { sequence: one, reused, expected } of scheduler.admit()) {
            if (expected > 0 && expected > one.promptLength - 2) throw new Error('nothing is left to compute');
            one.computed = reused;
            reusedTokens += reused;
            admittedOrder.push(one);
            const picture = alive.get(one)?.image;
            if (picture) {
              waitingImages.push({ owner: one, readyAt: now + picture.delay });
            }
          }
          if (scheduler.running > slots) throw new Error('more runs than slots');
          const decodable = [...alive.keys()].filter((one) => one.computed >= one.promptLength && !one.paused);
          if (scheduler.waiting > 5 && (decodable.length === 0 || !prefixCache)) throw new Error('slots are free while somebody waits');
          const action = scheduler.next(waitingImages.filter((each) => each.readyAt <= now).length);
          if (action.kind === 'idle') {
            const runnable = [...slotOf.keys()].some(
              (one) => !one.paused && (one.computable >= one.promptLength || one.computed >= one.promptLength),
            );
            if (runnable) throw new Error('idle in spite of work');
            continue;
          }
          if (action.kind === 'encode') {
            encodedSinceDecode++;
            for (const done of waitingImages.filter((each) => each.readyAt <= now).slice(0, action.images)) {
              waitingImages.splice(waitingImages.indexOf(done), 1);
              done.owner.computable = done.owner.promptLength;
            }
            continue;
          }
          if (action.kind === 'copy') {
            const { sequence: one, from, to, start, tokens } = action;
            if (!prefixCache || from === to || tokens < 1) throw new Error('a copy that is none');
            if (one !== null && (!alive.has(one) || start !== one.computed))
              throw new Error('a copy for one who left, or to a wrong place');
            for (let i = start; i < start + tokens; i++) write(to, i, cache[from]?.[i] ?? Number.NaN);
            if (one !== null) one.computed += tokens;
            copiedTokens += tokens;
            copiedSinceDecode = decodable.length > 0 ? copiedSinceDecode + 1 : 0;
            if (copiedSinceDecode > 2 + prefillChunk) throw new Error('copies stall decoding');
            continue;
          }
          if (action.kind === 'prefill') {
            const { sequence: one, slot, start, tokens } = action;
            if (!alive.has(one)) throw new Error('prefill of one who left');
            if (start !== one.computed || tokens < 1 || start + tokens > one.computable) throw new Error('a wrong chunk');
            const left = one.promptLength - start - tokens;
            if (left === 1 || (tokens % 16 === 1 && one.promptLength > 1)) throw new Error('a chunk that rounds otherwise');
            if (left > 2 && tokens < prefillChunk - 3) throw new Error('cut by the load');
            for (const [other, held] of slotOf) if (other !== one && held === slot) throw new Error('a slot is used twice');
            if ((slotOf.get(one) ?? slot) !== slot) throw new Error('the slot changed');
            slotOf.set(one, slot);
            requireOwn(one, slot);
            for (let i = start; i < start + tokens; i++) write(slot, i, one.key.ids[i] ?? Number.NaN);
            one.computed += tokens;
            prefilledSinceDecode = decodable.length > 0 ? prefilledSinceDecode + tokens : 0;
            if (prefilledSinceDecode > prefillChunk) throw new Error('prefill stalls decoding');
            if (one.computed === one.promptLength && --one.left === 0) leave(one);
            continue;
          }
          if (decodable.length > 0 && encodedSinceDecode > 1 && prefilledSinceDecode > prefillChunk)
            throw new Error('encoding stalls decoding');
          prefilledSinceDecode = 0;
          encodedSinceDecode = 0;
          copiedSinceDecode = 0;
          const { firstSlot, rows } = action;
          if (!rows[0]?.due || !rows.at(-1)?.due) throw new Error('idle rows at the ends of a range');
          for (const [i, { sequence: one, length, due }] of rows.entries()) {
            write(firstSlot + i, length, Number.NaN);
            if (one !== null && slotOf.has(one) && slotOf.get(one) !== firstSlot + i) throw new Error('a row shows another slot');
            if (!due) continue;
            if (one === null || !alive.has(one) || one.paused || one.computed < one.promptLength)
              throw new Error('a row is due that cannot decode');
            if (length !== one.computed) throw new Error('a token is written in a wrong place');
            requireOwn(one, firstSlot + i);
            lastServed.set(one, now);
            one.computed++;
            if (--one.left === 0) leave(one);
          }
        }
        if (scheduler.running + scheduler.waiting > 0) throw new Error('somebody was left behind');
        const arrived = order.filter((one) => admittedOrder.includes(one));
        if (arrived.some((one, i) => one !== admittedOrder[i])) throw new Error('somebody jumped the queue');
      },
    ),
    { numRuns: 300, seed: 7 },
  );
  t.ok(reusedTokens > 1000 && copiedTokens > 1000, `${reusedTokens} tokens were reused, ${copiedTokens} copied`);
  t.pass("nobody starves, nobody jumps the queue, no slot is used twice, decoding is never stalled, no prompt goes on from another's");
  t.end();
});
