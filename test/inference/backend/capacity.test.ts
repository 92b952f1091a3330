import t from 'tap';
import { cacheBytesPerToken, memoryBesideWeights, planCapacity, usableMemory } from '../../../inference/backend/capacity.ts';
import { CapacityError } from '../../../inference/errors.ts';

const decoder = { vocabSize: 100, hiddenSize: 64, layers: 2, heads: 4, kvHeads: 2, headDim: 16, maxPositions: 100 };
const slotBytes = 100 * 2 * 2 * 2 * 16 * 4;

t.test('as many sequences as half the memory holds, 32 at most and 1 at least', (t) => {
  t.equal(cacheBytesPerToken(decoder) * 100, slotBytes);
  t.same(planCapacity(decoder, {}, 20 * slotBytes), { slots: 10, maxModelLen: 100, cacheBytes: 10 * slotBytes });
  t.match(planCapacity(decoder, {}, 1000 * slotBytes), { slots: 32 });
  t.match(planCapacity(decoder, {}, slotBytes), { slots: 1 });
  t.match(planCapacity(decoder, { maxModelLen: 50 }, 20 * slotBytes), { slots: 20, maxModelLen: 50 });
  t.end();
});

t.test('what is asked for is given if it is possible, else refused with the setting to change', (t) => {
  t.match(planCapacity(decoder, { slots: 18 }, 20 * slotBytes), { slots: 18 });
  t.throws(() => planCapacity(decoder, { slots: 21 }, 20 * slotBytes), { message: /MAX_NUM_SEQS/ });
  t.throws(() => planCapacity(decoder, {}, slotBytes - 1), CapacityError);
  t.throws(() => planCapacity(decoder, { maxModelLen: 101 }, 20 * slotBytes), { message: /MAX_MODEL_LEN is 101.*100/ });
  t.end();
});

t.test('bytes for the cache give as many sequences as fit in them, 256 at most', (t) => {
  const memory = 1000 * slotBytes;
  t.same(planCapacity(decoder, { cacheBytes: 9.9 * slotBytes }, memory), { slots: 9, maxModelLen: 100, cacheBytes: 9 * slotBytes });
  t.match(planCapacity(decoder, { cacheBytes: 9.9 * slotBytes, maxModelLen: 50 }, memory), { slots: 19 });
  t.match(planCapacity(decoder, { cacheBytes: 9.9 * slotBytes, slots: 4 }, memory), { slots: 4, cacheBytes: 4 * slotBytes });
  t.match(planCapacity(decoder, { cacheBytes: memory }, memory), { slots: 256 });
  const refused = (asked: Parameters<typeof planCapacity>[1], message: RegExp) =>
    t.throws(() => planCapacity(decoder, asked, memory), { name: 'CapacityError', message });
  refused({ cacheBytes: slotBytes - 1 }, /^KV_CACHE_MEMORY_BYTES is 51199 \(50\.0 KiB\), .* needs 51200 .* at most 99\.$/);
  refused({ cacheBytes: 1 }, /needs 51200 .*; raise it\.$/);
  refused(
    { cacheBytes: memory + 1 },
    /^KV_CACHE_MEMORY_BYTES is .*, but this machine has 48\.8 MiB of memory beside the weights; lower it\.$/,
  );
  refused({ cacheBytes: 9.9 * slotBytes, slots: 10 }, /^10 sequences .* KV_CACHE_MEMORY_BYTES allows .*; lower MAX_NUM_SEQS to 9 /);
  t.end();
});

t.test('weights count twice, as mapped and as packed', (t) => {
  t.equal(memoryBesideWeights(24, 7), 10);
  t.equal(memoryBesideWeights(8, 7), 0);
  t.throws(() => planCapacity(decoder, {}, memoryBesideWeights(8, 7)), { message: /0\.0 KiB of memory beside the weights/ });
  t.end();
});

t.test("a container's limit counts where it is below the machine's memory", (t) => {
  t.equal(usableMemory(64, 4), 4);
  t.equal(usableMemory(64, 2 ** 64), 64);
  t.equal(usableMemory(64, 0), 64);
  t.equal(usableMemory(64, undefined), 64);
  t.end();
});
