/** Sequences whose next token is constrained, by masks that come in time, late, or never. */
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { Constraint } from '../../../inference/engine/constraint.ts';
import { RequestError } from '../../../inference/errors.ts';
import { decode } from './arithmetic-runner.ts';
import { alone, ask, never, read, start, words } from './engine-helper.ts';

/** Allows the tokens whose id is a multiple of `step`, each time after `gate()`. */
class Multiples implements Constraint {
  readonly accepted: number[] = [];
  closed = 0;
  ready = true;
  readonly #step: number;
  readonly #gate: (tokens: number) => Promise<void> | null;
  #settled: Promise<void> = Promise.resolve();

  constructor(step: number, gate: (tokens: number) => Promise<void> | null = () => null) {
    this.#step = step;
    this.#gate = gate;
  }

  settle(): Promise<void> {
    return this.#settled;
  }

  apply(logits: Float32Array): void {
    if (!this.ready) throw new Error('not ready');
    for (let id = 0; id < logits.length; id++) if (id % this.#step !== 0 || id < 2) logits[id] = Number.NEGATIVE_INFINITY;
  }

  accept(token: number): void {
    this.accepted.push(token);
    const gate = this.#gate(this.accepted.length);
    if (gate === null) return;
    this.ready = false;
    this.#settled = gate.then(() => {
      this.ready = true;
    });
    this.#settled.catch(() => {});
  }

  close(): void {
    this.closed++;
  }
}

const text = (tokens: readonly number[]) => decode([...tokens]);

t.test('only allowed tokens are chosen, and the constraint hears of each but the last', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const constraint = new Multiples(3);
  const { texts, tokens } = await read(engine.submit(ask(words(5), { constraints: [constraint] }), never()));
  t.equal(tokens, 20);
  t.equal(constraint.accepted.length, 19);
  t.ok(constraint.accepted.every((id) => id % 3 === 0));
  t.ok(texts[0]?.startsWith(text(constraint.accepted)));
  t.ok(constraint.closed > 0);
});

t.test('a mask that is late changes nothing but the time, and holds nobody up', async (t) => {
  const inTime = new Multiples(3);
  const expected = await alone(ask(words(5), { constraints: [inTime] }), { eosChance: 0 });

  const { engine } = start(t, { eosChance: 0 });
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const late = new Multiples(3, (tokens) => (tokens === 7 ? opened : tokens % 2 === 0 ? delay(1) : null));
  const constrained = read(engine.submit(ask(words(5), { constraints: [late] }), never()));
  // The other one comes to its end while the first is held.
  const free = await read(engine.submit(ask(words(9)), never()));
  t.strictSame(free.texts, (await alone(ask(words(9)), { eosChance: 0 })).texts);
  t.equal(late.accepted.length, 7);
  open();
  t.strictSame((await constrained).texts, expected.texts);
});

t.test('what is found out at once is not waited for', async (t) => {
  const expected = await alone(ask(words(5), { constraints: [new Multiples(3)] }), { eosChance: 0 });
  class Hasty extends Multiples {
    override accept(token: number): void {
      super.accept(token);
      this.ready = false;
    }
    override settle(): Promise<void> {
      throw new Error('It was asked to wait.');
    }
    hurry(logits: Float32Array): boolean {
      this.ready = logits.some((logit) => logit > 0);
      return this.ready;
    }
  }
  const { engine } = start(t, { eosChance: 0 });
  const { texts } = await read(engine.submit(ask(words(5), { constraints: [new Hasty(3)] }), never()));
  t.strictSame(texts, expected.texts);
});

t.test('a constraint that fails fails its request alone', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const broken = new Multiples(3, (tokens) => (tokens === 4 ? Promise.reject(new RequestError('too complex', 'p')) : null));
  const other = read(engine.submit(ask(words(9)), never()));
  await t.rejects(read(engine.submit(ask(words(5), { constraints: [broken] }), never())), { message: 'too complex' });
  t.ok(broken.closed > 0);
  t.equal((await other).tokens, 20);
  t.match(engine.stats(), { running: 0, waiting: 0 });
});

t.test('a caller who leaves while the mask is awaited frees the slot', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  let tellAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    tellAsked = resolve;
  });
  const stuck = new Multiples(3, () => {
    tellAsked();
    return new Promise<void>(() => {});
  });
  const leave = new AbortController();
  const answer = read(engine.submit(ask(words(5), { constraints: [stuck] }), leave.signal));
  await asked;
  leave.abort(new Error('left'));
  await t.rejects(answer, { message: 'left' });
  t.ok(stuck.closed > 0);
  t.match(engine.stats(), { running: 0, waiting: 0, freeSlots: 4 });
});
