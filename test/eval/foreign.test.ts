import sharp from 'sharp';
import t from 'tap';
import { foreignPictures } from './foreign.ts';

t.test('twenty different pictures that decode; the photographs are small files that carry no metadata', async (t) => {
  const pictures = await Promise.all(foreignPictures(1).map((make) => make()));
  t.equal(pictures.length, 20);
  t.equal(new Set(pictures.map(({ bytes }) => bytes.toString('base64'))).size, 20);
  for (const [index, { bytes, format }] of pictures.entries()) {
    const meta = await sharp(bytes).metadata();
    t.equal(meta.format, format);
    if (index >= 8) continue;
    const longer = Math.max(meta.width, meta.height);
    t.ok(longer >= 400 && longer <= 640 && bytes.length < 60_000, `photograph ${index + 1}: ${longer} px, ${bytes.length} bytes`);
    t.notOk(meta.exif ?? meta.xmp ?? meta.icc);
  }
});

t.test('another seed draws other textures and screens', async (t) => {
  const [first, second] = await Promise.all([1, 2].map((seed) => foreignPictures(seed)[8]!()));
  t.notSame(first!.bytes, second!.bytes);
});
