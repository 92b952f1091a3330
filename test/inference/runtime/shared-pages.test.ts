import t from 'tap';
import { liveHandles } from '../../../inference/runtime/handles.ts';
import { KvCache } from '../../../inference/runtime/kv-cache.ts';
import { pageBytes, SharedPages } from '../../../inference/runtime/shared-pages.ts';

const page = pageBytes();
const skip = page === null && 'this system shows memory at one address only';

t.test('pages are seen wherever they are shown, and gone when they are closed', { skip }, (t) => {
  const size = page ?? 0;
  const before = liveHandles('mapping');
  const pages = new SharedPages(4 * size);
  const [first] = pages.memory.float32(1);
  t.equal(first, 0, 'zeroed');
  const range = pages.reserve(3 * size);
  pages.show(range, 0, size, size);
  pages.show(range, size, size, size);
  pages.show(range, 2 * size, 3 * size, size);
  const seen = range.float32();
  pages.memory.float32()[size / 4] = 5;
  t.equal(seen[0], 5);
  t.equal(seen[size / 4], 5, 'the same page twice');
  seen[size / 2 + 1] = 7;
  t.equal(pages.memory.float32()[(3 * size) / 4 + 1], 7);
  pages.close();
  pages.close();
  t.equal(liveHandles('mapping'), before);
  t.end();
});

t.test('what the machine does not have leaves nothing open', { skip }, (t) => {
  const before = liveHandles('mapping');
  t.throws(() => new SharedPages(2 ** 60), RangeError);
  t.throws(() => new SharedPages(2 ** 50), RangeError);
  const pages = new SharedPages(page ?? 0);
  t.throws(() => pages.reserve(2 ** 50), RangeError);
  pages.close();
  t.equal(liveHandles('mapping'), before);
  t.end();
});

t.test('capacity of the cache costs nothing until it is written', { skip }, (t) => {
  const before = process.memoryUsage().rss;
  const spec = { vocabSize: 8, hiddenSize: 640, layers: 8, heads: 8, kvHeads: 4, headDim: 80, maxPositions: 5001 };
  const cache = new KvCache(spec, 16, 5001, 8);
  t.equal(cache.rowsPerSlot, 8);
  t.ok(process.memoryUsage().rss - before < 64 * 2 ** 20, '1.5 GiB of capacity');
  cache.close();
  cache.close();
  t.end();
});

t.test('a cache of very many layers and slots has fewer rows for a slot: mappings are limited', { skip }, (t) => {
  const spec = { vocabSize: 8, hiddenSize: 64, layers: 40, heads: 1, kvHeads: 1, headDim: 64, maxPositions: 64 };
  const rows = (slots: number) => {
    const cache = new KvCache(spec, slots, 64, 8);
    cache.close();
    return cache.rowsPerSlot;
  };
  t.strictSame([rows(8), rows(32), rows(128), rows(512)], [8, 4, 2, 1]);
  t.end();
});
