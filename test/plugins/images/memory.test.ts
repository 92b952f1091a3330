/** Decoding gives back the memory it took: native memory, which no garbage collector counts. */
import sharp from 'sharp';
import t from 'tap';
import { openImage } from '../../../plugins/images/decode.ts';

const width = 1200;
const height = 900;
const mebibytes = (bytes: number) => bytes / 2 ** 20;

t.test('a hundred pictures of 3 MB leave no more than a few behind', async (t) => {
  const png = await sharp({ create: { width, height, channels: 3, background: '#c02030' } })
    .png()
    .toBuffer();
  const { signal } = new AbortController();
  const decode = async () => (await openImage(png, width * height, null)).decode(signal);
  for (let i = 0; i < 20; i++) await decode();
  const before = process.memoryUsage();
  for (let i = 0; i < 100; i++) await decode();
  const after = process.memoryUsage();
  // What is counted may wait for the collector; what is not counted is lost.
  const lost = mebibytes(after.rss - after.arrayBuffers - (before.rss - before.arrayBuffers));
  t.ok(lost < 100, `${lost.toFixed(0)} MiB more than before`);
});
