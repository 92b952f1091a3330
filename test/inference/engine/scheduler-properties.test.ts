/** The policy over random arrivals, priorities, lengths, images, pauses and cancellations, with a cache of plain numbers. */
import fc from 'fast-check';
import t from 'tap';
import type { Action, Admission } from '../../../inference/engine/action.ts';
import { Scheduler } from '../../../inference/engine/scheduler.ts';
import { MAX_PASSED_OVER, MIN_TURN } from '../../../inference/engine/waiting-line.ts';
import { options, type Plain, sequence } from './scheduler-helper.ts';

const MAX_QUEUE = 5;
const LONGEST_PROMPT = 120;
const MOST_TOKENS = 40;
const MAX_MODEL_LEN = LONGEST_PROMPT + MOST_TOKENS;

interface Arrival {
  readonly at: number;
  readonly priority: number;
  /** Prompts of a family begin alike, up to a token of their own. */
  readonly family: number;
  readonly ownFrom: number;
  readonly promptLength: number;
  readonly tokens: number;
  readonly cancelledAt: number | null;
  /** The image stands at this share of the prompt, and its pixels come so many steps after the slot. */
  readonly image: { readonly share: number; readonly delay: number } | null;
  readonly pausedFrom: number | null;
  /** Every so many tokens its next one is not known for three steps. */
  readonly heldEvery: number | null;
}

const arrival: fc.Arbitrary<Arrival> = fc.record({
  at: fc.nat(60),
  priority: fc.constantFrom(0, 0, 0, 1, 5),
  family: fc.nat(2),
  ownFrom: fc.nat(LONGEST_PROMPT),
  promptLength: fc.integer({ min: 1, max: LONGEST_PROMPT }),
  tokens: fc.integer({ min: 1, max: MOST_TOKENS }),
  cancelledAt: fc.option(fc.nat(150)),
  image: fc.option(fc.record({ share: fc.double({ min: 0, max: 0.99, noNaN: true }), delay: fc.nat(10) })),
  pausedFrom: fc.option(fc.nat(100)),
  heldEvery: fc.option(fc.integer({ min: 1, max: 10 }), { freq: 2 }),
});

interface Machine {
  readonly slots: number;
  readonly prefillChunk: number;
  readonly prefixCache: boolean;
}

const totals = { reused: 0, copied: 0, preempted: 0, ahead: 0, passedOver: 0 };

function fail(message: string): never {
  throw new Error(message);
}

/** Carries out what the scheduler decides, and throws if it should not have decided so. */
class Simulation {
  readonly #machine: Machine;
  readonly #scheduler: Scheduler<Plain>;
  /** What each slot has at each position; NaN for what nobody may rely on. */
  readonly #cache: number[][];
  readonly #alive = new Map<Plain, Arrival>();
  /** In order of arrival. */
  readonly #waiting = new Set<Plain>();
  readonly #slotOf = new Map<Plain, number | null>();
  readonly #order = new Map<Plain, number>();
  /** Of those whose slot is safe for a while: tokens said when they got it. */
  readonly #safeSince = new Map<Plain, number>();
  readonly #resuming = new Set<Plain>();
  readonly #images: { owner: Plain; readyAt: number }[] = [];
  readonly #heldUntil = new Map<Plain, number>();
  #passedOver = 0;
  #sinceDecode = { prefilled: 0, encoded: 0, copied: 0 };
  now = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#scheduler = new Scheduler<Plain>({ ...options, ...machine, maxQueue: MAX_QUEUE });
    this.#cache = Array.from({ length: machine.slots }, () => []);
  }

  get busy(): boolean {
    return this.#alive.size > 0;
  }

  arrive(each: Arrival): void {
    if (this.#scheduler.room < 1) return;
    const computable = each.image === null ? each.promptLength : Math.floor(each.promptLength * each.image.share);
    const one = sequence(each.promptLength, { computable, left: each.tokens, priority: each.priority });
    const own = (i: number) => (i < each.ownFrom ? each.family * 1000 + i : one.name * 1e6 + i);
    one.key = { salt: '', ids: Int32Array.from({ length: each.promptLength }, (_, i) => own(i)), images: [] };
    this.#alive.set(one, each);
    this.#waiting.add(one);
    this.#order.set(one, this.#order.size);
    this.#scheduler.enqueue(one);
  }

  step(): void {
    for (const [one, each] of this.#alive) {
      if (each.cancelledAt === this.now) this.#leave(one);
      if (this.#heldUntil.get(one) === this.now) this.#say(one);
      const behind = each.pausedFrom !== null && this.now >= each.pausedFrom && this.now < each.pausedFrom + 30;
      one.held = this.#heldUntil.has(one);
      one.paused = behind || one.held;
    }
    this.#admit();
    const { running, waiting } = this.#scheduler;
    if (running > this.#machine.slots || running !== this.#slotOf.size) fail('more runs than there are slots');
    if (running + waiting > this.#machine.slots + MAX_QUEUE) fail('the queue is too long');
    this.#perform(this.#scheduler.next(this.#readyImages().length));
    this.now++;
  }

  /** Whether somebody of this priority has yet to come to an end. */
  hasAny(priority: number): boolean {
    return [...this.#alive.values()].some((each) => each.priority === priority);
  }

  end(): void {
    if (this.#scheduler.running + this.#scheduler.waiting > 0) fail('somebody was left behind');
  }

  #admit(): void {
    const admissions = this.#scheduler.admit();
    for (const admission of admissions) this.#begin(admission);
    // Copies put off further admissions while somebody decodes.
    if (this.#machine.prefixCache && this.#decodable().length > 0) return;
    const ready = this.#ready();
    if (ready.length > 0 && this.#slotOf.size < this.#machine.slots) fail('a slot is free while somebody waits');
    for (const waiting of ready) {
      for (const running of this.#slotOf.keys()) {
        if (running.priority > waiting.priority && !running.held && !this.#mayBeSafe(running)) fail('a better priority waits');
      }
    }
  }

  #begin({ sequence: one, preempted, ahead, reused, expected }: Admission<Plain>): void {
    if (!this.#waiting.has(one) || one.paused) fail('a slot for one who is not ready');
    const ready = this.#ready();
    const before = (a: Plain, b: Plain) => (this.#order.get(a) ?? 0) < (this.#order.get(b) ?? 0);
    if (ready.some((other) => other.priority === one.priority && before(other, one))) fail('an equal jumped the queue');
    const outOfTurn = ready.some((other) => other.priority < one.priority);
    if (ready.some((other) => before(other, one))) this.#passedOver += preempted === null ? 1 : 0;
    else this.#passedOver = 0;
    if (this.#passedOver > MAX_PASSED_OVER) fail('somebody is passed over for too long');
    if (outOfTurn && (this.#passedOver > 0 || preempted !== null)) fail('a worse priority goes first');
    totals.passedOver += outOfTurn ? 1 : 0;
    if (preempted !== null) this.#preempt(preempted, one);

    if (expected > 0 && expected > one.promptLength - 2) fail('nothing is left to compute');
    if (outOfTurn || this.#resuming.has(one)) this.#safeSince.set(one, one.said);
    else this.#safeSince.delete(one);
    this.#resuming.delete(one);
    this.#waiting.delete(one);
    this.#slotOf.set(one, null);
    one.computed = reused;
    if (ahead !== null) one.expect(ahead);
    totals.reused += reused;
    totals.ahead += ahead === null ? 0 : ahead.to - ahead.from;
    const picture = this.#alive.get(one)?.image;
    if (picture) this.#images.push({ owner: one, readyAt: this.now + picture.delay });
  }

  #preempt(victim: Plain, successor: Plain): void {
    if (this.#slotOf.size < this.#machine.slots) fail('somebody gives way though a slot is free');
    if (!this.#slotOf.has(victim) || victim.held) fail('somebody gives way who has nothing to give');
    if (victim.priority < successor.priority) fail('somebody gives way to a worse priority');
    if (victim.priority === successor.priority && !victim.paused) fail('somebody who is not paused gives way to an equal');
    if (this.#isSafe(victim)) fail('somebody gives way who has just got a slot');
    for (const other of this.#slotOf.keys()) {
      if (other.priority > victim.priority && !other.held && !this.#mayBeSafe(other)) fail('the wrong one gives way');
    }
    this.#slotOf.delete(victim);
    this.#waiting.add(victim);
    this.#resuming.add(victim);
    this.#forgetImages(victim);
    const picture = this.#alive.get(victim)?.image;
    if (picture) victim.computable = Math.floor(victim.promptLength * picture.share);
    victim.preempt();
    totals.preempted++;
  }

  #isSafe(one: Plain): boolean {
    const since = this.#safeSince.get(one);
    return since !== undefined && !one.paused && one.said < since + MIN_TURN;
  }

  /** As long as it may have had to decode again: how much that was the test does not count. */
  #mayBeSafe(one: Plain): boolean {
    const since = this.#safeSince.get(one);
    return since !== undefined && !one.paused && one.said < since + Math.max(MIN_TURN, since);
  }

  #perform(action: Action<Plain>): void {
    const decodable = this.#decodable();
    const stalled = decodable.length > 0 ? 1 : 0;
    if (stalled === 0) this.#sinceDecode = { prefilled: 0, encoded: 0, copied: 0 };
    switch (action.kind) {
      case 'idle': {
        const isRunnable = (one: Plain) => !one.paused && (one.computable >= one.promptLength || one.computed >= one.promptLength);
        if ([...this.#slotOf.keys()].some(isRunnable)) fail('idle in spite of work');
        return;
      }
      case 'encode':
        this.#sinceDecode.encoded += stalled;
        if (this.#sinceDecode.encoded > 1) fail('encoding stalls decoding');
        for (const done of this.#readyImages().slice(0, action.images)) {
          this.#images.splice(this.#images.indexOf(done), 1);
          done.owner.computable = done.owner.promptLength;
        }
        return;
      case 'copy':
        this.#copy(action);
        this.#sinceDecode.copied += stalled;
        if (this.#sinceDecode.copied > 3 + this.#machine.prefillChunk) fail('copies stall decoding');
        return;
      case 'prefill': {
        this.#sinceDecode.prefilled += stalled * action.tokens;
        if (this.#sinceDecode.prefilled > this.#machine.prefillChunk) fail('prefill stalls decoding');
        this.#prefill(action);
        return;
      }
      case 'decode': {
        this.#sinceDecode = { prefilled: 0, encoded: 0, copied: 0 };
        this.#decode(action);
      }
    }
  }

  #copy({ sequence: one, from, to, start, tokens, ahead }: Action<Plain> & { kind: 'copy' }): void {
    if (!this.#machine.prefixCache || from === to || tokens < 1) fail('a copy that is none');
    if (one !== null && (!this.#slotOf.has(one) || (!ahead && start !== one.computed)))
      fail('a copy for one who left, or to a wrong place');
    for (let i = start; i < start + tokens; i++) this.#write(to, i, this.#cache[from]?.[i] ?? Number.NaN, ahead);
    totals.copied += tokens;
    if (one === null) return;
    if (ahead) one.expect({ from: start, to: start + tokens });
    else one.advance(tokens);
    totals.ahead += ahead ? tokens : 0;
  }

  #prefill({ sequence: one, slot, start, tokens }: Action<Plain> & { kind: 'prefill' }): void {
    if (!this.#slotOf.has(one)) fail('prefill of one who has no slot');
    if (start !== one.computed || tokens < 1 || start + tokens > one.computable) fail('a wrong chunk');
    const left = one.promptLength - start - tokens;
    if (left === 1 || (tokens % 16 === 1 && one.promptLength > 1)) fail('a chunk that rounds otherwise');
    if (left > 2 && tokens < this.#machine.prefillChunk - 3) fail('cut by the load');
    for (const [other, held] of this.#slotOf) if (other !== one && held === slot) fail('a slot is used twice');
    if ((this.#slotOf.get(one) ?? slot) !== slot) fail('the slot changed');
    this.#slotOf.set(one, slot);
    this.#requireOwn(one, slot);
    for (let i = start; i < start + tokens; i++) this.#write(slot, i, tokenAt(one, i));
    one.advance(tokens);
    if (one.computed === one.known) this.#choose(one);
  }

  #decode({ firstSlot, rows }: Action<Plain> & { kind: 'decode' }): void {
    if (!rows[0]?.due || !rows.at(-1)?.due) fail('idle rows at the ends of a range');
    for (const [i, { sequence: one, length, due }] of rows.entries()) {
      const slot = firstSlot + i;
      if (one !== null && (this.#slotOf.get(one) ?? slot) !== slot) fail('a row shows another slot');
      this.#write(slot, length, due && one !== null ? tokenAt(one, length) : Number.NaN);
      if (!due) continue;
      if (one === null || !this.#slotOf.has(one) || one.paused || one.computed < one.promptLength) fail('a row is due that cannot decode');
      if (length !== one.computed) fail('a token is written in a wrong place');
      this.#slotOf.set(one, slot);
      this.#requireOwn(one, slot);
      if (one.computed >= one.known) fail('a token is decoded that was not chosen');
      one.advance(1);
      if (one.computed === one.known) this.#choose(one);
    }
  }

  #choose(one: Plain): void {
    const every = this.#alive.get(one)?.heldEvery ?? null;
    if (every !== null && (one.said + 1) % every === 0) this.#heldUntil.set(one, this.now + 3);
    else this.#say(one);
  }

  #say(one: Plain): void {
    this.#heldUntil.delete(one);
    one.said++;
    if (--one.left === 0) this.#leave(one);
  }

  #leave(one: Plain): void {
    this.#alive.delete(one);
    this.#waiting.delete(one);
    this.#slotOf.delete(one);
    this.#heldUntil.delete(one);
    this.#forgetImages(one);
    this.#scheduler.remove(one);
  }

  #write(slot: number, position: number, value: number, mayLeaveHole = false): void {
    const cells = this.#cache[slot] ?? fail('a slot that is not there');
    if (position >= MAX_MODEL_LEN) fail('a slot is filled past its end');
    while (mayLeaveHole && cells.length < position) cells.push(Number.NaN);
    if (position > cells.length) fail('a hole in the cache');
    cells[position] = value;
  }

  #requireOwn(one: Plain, slot: number): void {
    for (let i = 0; i < one.computed; i++) if (this.#cache[slot]?.[i] !== tokenAt(one, i)) fail(`another's token at ${i}`);
  }

  #ready(): Plain[] {
    return [...this.#waiting].filter((one) => !one.paused);
  }

  #decodable(): Plain[] {
    return [...this.#slotOf.keys()].filter((one) => one.computed >= one.promptLength && !one.paused);
  }

  #readyImages() {
    return this.#images.filter(({ readyAt }) => readyAt <= this.now);
  }

  #forgetImages(owner: Plain): void {
    for (let i = this.#images.length - 1; i >= 0; i--) if (this.#images[i]?.owner === owner) this.#images.splice(i, 1);
  }
}

/** What a token is in the cache: one of an answer is nobody else's. */
function tokenAt(one: Plain, position: number): number {
  return one.key.ids[position] ?? -(one.name * 1000 + position) - 0.5;
}

const machine = fc.record({
  slots: fc.integer({ min: 1, max: 6 }),
  prefillChunk: fc.integer({ min: 3, max: 40 }),
  prefixCache: fc.boolean(),
});

t.test('whatever comes, in whatever order', (t) => {
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 40, size: 'max' }), machine, (arrivals, machine) => {
      const simulation = new Simulation(machine);
      while (simulation.now < 60 || simulation.busy) {
        if (simulation.now > 50_000) fail('somebody starves');
        for (const each of arrivals) if (each.at === simulation.now) simulation.arrive(each);
        simulation.step();
      }
      simulation.end();
    }),
    { numRuns: 600, seed: 7 },
  );
  const { reused, copied, preempted, ahead } = totals;
  t.ok(reused > 1000 && copied > 1000, `${reused} tokens were reused, ${copied} copied`);
  t.ok(preempted > 300 && ahead > 1000, `${preempted} gave up their slots, and found ${ahead} tokens again`);
  t.pass(
    "all come to their end, in turn; no slot is used twice or overfilled, nobody goes on from another's tokens, decoding is never stalled",
  );
  t.end();
});

t.test('while better priorities keep coming, whoever waits comes to an end all the same', (t) => {
  const patient = arrival.map((each): Arrival => ({ ...each, priority: 3, cancelledAt: null, pausedFrom: null }));
  fc.assert(
    fc.property(fc.array(patient, { minLength: 1, maxLength: 4 }), arrival, machine, (patients, like, machine) => {
      const simulation = new Simulation(machine);
      const urgent = { ...like, priority: 0, tokens: 4, cancelledAt: null, pausedFrom: null };
      for (const each of patients) simulation.arrive(each);
      while (simulation.hasAny(3)) {
        if (simulation.now > 50_000) fail('somebody starves');
        simulation.arrive(urgent);
        simulation.step();
      }
    }),
    { numRuns: 30, seed: 3 },
  );
  t.ok(totals.passedOver > 50, `${totals.passedOver} got their turn in spite of their priority`);
  t.end();
});
