import t from 'tap';
import { type Placement, place } from '../../../inference/engine/placement.ts';
import type { PromptKey } from '../../../inference/engine/prompt-key.ts';
import { type SlotHolder, SlotTable } from '../../../inference/engine/slots.ts';

const REACH = 3;

interface Holder extends SlotHolder {
  computed: number;
}

/** A prompt of words that are its own from `ownFrom` on, and up to there everybody's. */
function prompt(name: number, length: number, ownFrom = 0): PromptKey {
  return { salt: '', ids: Int32Array.from({ length }, (_, i) => (i < ownFrom ? i : name * 1000 + i)), images: [] };
}

function table(size: number, keeps = true) {
  const slots = new SlotTable<Holder>(size, keeps);
  const hold = (slot: number, key: PromptKey): Holder => {
    const holder = { key, computed: key.ids.length };
    slots.acquire(holder, slot);
    return holder;
  };
  /** Lets the slots keep these prompts, the first used longest ago. */
  const keep = (prompts: ReadonlyMap<number, PromptKey>) => {
    for (const [slot, key] of prompts) slots.release(hold(slot, key));
  };
  return { slots, hold, keep };
}

const plain = { reused: 0, evacuateTo: null, source: null };

t.test('without anything kept, slots fill up without a hole', (t) => {
  const { slots, hold } = table(4);
  t.strictSame(place(slots, prompt(1, 40), REACH), { ...plain, slot: 0 });
  hold(1, prompt(2, 40));
  t.strictSame(place(slots, prompt(1, 40), REACH), { ...plain, slot: 0 });
  hold(3, prompt(3, 40));
  t.strictSame(place(slots, prompt(1, 40), REACH), { ...plain, slot: 2 }, 'within the range rather than at its ends');
  hold(0, prompt(4, 40));
  hold(2, prompt(5, 40));
  t.equal(place(slots, prompt(1, 40), REACH), null);
  t.end();
});

t.test('a conversation goes on in its own slot', (t) => {
  const { slots, keep } = table(4);
  keep(new Map([0, 1, 2, 3].map((slot) => [slot, prompt(slot, 40)])));
  const next: PromptKey = { salt: '', ids: Int32Array.from([...prompt(2, 40).ids, 7, 7, 7]), images: [] };
  t.strictSame(place(slots, next, REACH), { ...plain, slot: 2, reused: 40 });
  t.strictSame(place(slots, prompt(2, 40), REACH), { ...plain, slot: 2, reused: 38 }, 'the last two tokens are computed again');
  t.end();
});

t.test('a new prompt takes the slot that was unused for longest', (t) => {
  const { slots, keep } = table(3);
  keep(new Map([2, 0, 1].map((slot) => [slot, prompt(slot, 40)])));
  t.strictSame(place(slots, prompt(9, 40), REACH), { ...plain, slot: 2 });
  slots.use(2, 20);
  t.strictSame(place(slots, prompt(9, 40), REACH), { ...plain, slot: 0 }, 'to be copied from is to be used');
  slots.use(1, 40);
  t.strictSame(place(slots, prompt(9, 40), REACH), { ...plain, slot: 1 }, 'what was copied in full goes first');
  t.end();
});

t.test('a beginning that others may want again is copied, from free slots and from running ones', (t) => {
  const { slots, keep, hold } = table(3);
  keep(new Map([[0, prompt(1, 80, 50)]]));
  t.strictSame(place(slots, prompt(2, 80, 50), REACH), { ...plain, slot: 1, source: { slot: 0, tokens: 50 } });
  t.strictSame(place(slots, prompt(2, 80, 15), REACH), { ...plain, slot: 1 }, 'a few tokens are not worth it');
  const running = hold(2, prompt(3, 80, 60));
  t.strictSame(place(slots, prompt(2, 80, 70), REACH), { ...plain, slot: 1, source: { slot: 2, tokens: 60 } });
  running.computed = 30;
  t.strictSame(place(slots, prompt(2, 80, 70), REACH)?.source, { slot: 0, tokens: 50 }, 'as far as it is computed');
  running.computed = 90;
  t.equal(place(slots, prompt(3, 100, 60), REACH)?.source?.tokens, 80, 'and never what it has decoded');
  t.end();
});

t.test('beside running sequences the nearest slot is taken, and what it keeps moves to one unused for longer', (t) => {
  const { slots, keep, hold } = table(8);
  keep(new Map([5, 6, 7, 0, 1, 2, 3].map((slot) => [slot, prompt(slot, 40)])));
  hold(4, prompt(4, 40));
  const expected: Placement = { slot: 5, reused: 0, evacuateTo: null, source: null };
  t.strictSame(place(slots, prompt(9, 40), REACH), expected, 'nothing is staler than it');
  hold(5, prompt(5, 40));
  t.strictSame(place(slots, prompt(9, 40), REACH), { ...expected, slot: 6 });
  hold(6, prompt(6, 40));
  hold(7, prompt(7, 40));
  t.strictSame(place(slots, prompt(9, 40), REACH), { ...expected, slot: 3, evacuateTo: 0 });
  const far: PromptKey = { salt: '', ids: Int32Array.from([...prompt(0, 40).ids, 7, 7, 7]), images: [] };
  t.strictSame(place(slots, far, REACH), { ...expected, slot: 3, evacuateTo: 1, source: { slot: 0, tokens: 40 } });
  t.strictSame(place(slots, { ...far, ids: Int32Array.from([...prompt(1, 40).ids, 7, 7]) }, REACH)?.slot, 1, 'within reach it stays');
  t.end();
});

t.test('a cache that keeps nothing shares nothing', (t) => {
  const { slots, keep, hold } = table(4, false);
  keep(new Map([[0, prompt(1, 40)]]));
  hold(2, prompt(1, 40));
  t.strictSame(place(slots, prompt(1, 40), REACH), { ...plain, slot: 1 });
  t.equal(slots.lengthOf(0), 0);
  t.end();
});
