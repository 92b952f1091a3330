/** Image files of every accepted format give the pixels that Pillow gives; everything else is refused. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import t from 'tap';
import { RequestError } from '../../../inference/errors.ts';
import { decodeBmp } from '../../../plugins/images/bmp.ts';
import { openImage } from '../../../plugins/images/decode.ts';
import { InvalidImage, UnsupportedImageFormat } from '../../../plugins/images/errors.ts';
import { decodePnm } from '../../../plugins/images/pnm.ts';
import { type Raster, RasterError } from '../../../plugins/images/raster.ts';
import { sniffFormat } from '../../../plugins/images/sniff.ts';

interface Case {
  name: string;
  bytes: string;
  width: number;
  height: number;
  pixels: string;
  tolerance: number;
}

const cases: Case[] = JSON.parse(await readFile(join(import.meta.dirname, '../../fixtures/images/cases.json'), 'utf8'));
const fixture = (name: string) => Buffer.from(cases.find((c) => c.name === name)!.bytes, 'base64');
const never = new AbortController().signal;
const limit = 40e6;

/** Decodes without a thread what needs one, for speed; one picture of each kind goes through the thread below. */
async function decode(bytes: Uint8Array): Promise<Raster | Awaited<ReturnType<Awaited<ReturnType<typeof openImage>>['decode']>>> {
  const format = sniffFormat(bytes);
  if (format === 'bmp') return decodeBmp(bytes);
  if (format === 'pnm') return decodePnm(bytes);
  return (await openImage(bytes, limit, null)).decode(never);
}

t.test('all formats give the pixels that Pillow gives', async (t) => {
  for (const { name, bytes, width, height, pixels, tolerance } of cases) {
    const image = await decode(Buffer.from(bytes, 'base64'));
    t.same([image.width, image.height, image.data.length], [width, height, width * height * 3], `${name}: size`);
    const expected = Buffer.from(pixels, 'base64');
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - image.data[i]!)), 0);
    t.ok(worst <= tolerance, `${name}: differs by ${worst}, at most ${tolerance} allowed`);
  }
});

t.test('an image is named by its bytes', async (t) => {
  const hash = async (name: string) => (await (await openImage(fixture(name), limit, null)).decode(never)).hash;
  t.match(await hash('png rgb'), /^[0-9a-f]{64}$/);
  t.equal(await hash('png rgb'), await hash('png rgb'));
  t.not(await hash('png rgb'), await hash('png grey'));
});

t.test('formats without a sharp decoder are decoded in a thread', async (t) => {
  const image = await (await openImage(fixture('bmp 24'), limit, null)).decode(never);
  t.equal(Buffer.from(image.data).toString('base64'), cases.find((c) => c.name === 'bmp 24')!.pixels);
  await t.rejects((await openImage(fixture('ppm').subarray(0, 100), limit, null)).decode(never), InvalidImage);
  await t.rejects((await openImage(fixture('bmp 24'), limit, null)).decode(AbortSignal.abort(new Error('gone'))), /gone/);
});

t.test('the number of pixels is read from the header, before anything is decoded', async (t) => {
  const huge = { width: 8001, height: 5000 };
  const png = await sharp({ create: { ...huge, channels: 3, background: 'red' } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  const bmp = Buffer.from(fixture('bmp 24'));
  bmp.writeInt32LE(huge.width, 18);
  bmp.writeInt32LE(huge.height, 22);
  for (const [name, bytes] of [
    ['png', png],
    ['bmp', bmp],
    ['ppm', Buffer.from(`P6 ${huge.width} ${huge.height} 255\n`)],
  ] as const) {
    await t.rejects(openImage(bytes, limit, 'here'), { code: 'image_too_large', status: 400, param: 'here', message: /8001×5000/ }, name);
  }
});

t.test('what is no image of an accepted format is refused by its bytes', async (t) => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  const heic = Buffer.from([0, 0, 0, 24, ...Buffer.from('ftypheic\0\0\0\0mif1heic')]);
  const others = [
    '',
    'P',
    'hello',
    svg,
    `<?xml version="1.0"?>${svg}`,
    `\ufeff${svg}`,
    '%PDF-1.7 …………',
    'P7 9 9',
    '\0'.repeat(64),
    'RIFF????WAVEfmt ',
  ];
  for (const other of [...others.map((text) => Buffer.from(text)), heic, Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]) {
    await t.rejects(openImage(other, limit, 'image'), UnsupportedImageFormat, JSON.stringify(other.toString('latin1').slice(0, 20)));
  }
});

t.test('a damaged file is refused with a message that says nothing of the decoder', async (t) => {
  const outcome = async (bytes: Uint8Array) => {
    const image = await openImage(bytes, limit, 'image');
    return sniffFormat(bytes) === 'bmp' || sniffFormat(bytes) === 'pnm' ? 'ok' : image.decode(never);
  };
  for (const name of ['png rgb', 'jpeg', 'webp lossless', 'gif', 'tiff rgb', 'avif', 'avif animated', 'jpeg 4:2:0 progressive']) {
    const bytes = fixture(name);
    const half = bytes.subarray(0, bytes.length >> 1);
    await t.rejects(
      outcome(half),
      { code: 'invalid_image', param: 'image', message: /^The image looks like \w+ but cannot be decoded: it is damaged or incomplete\.$/ },
      name,
    );
  }
});

t.test('no bytes make a decoder fail in any other way', async (t) => {
  const seeds = cases.map((c) => Buffer.from(c.bytes, 'base64'));
  const damaged = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }), fc.nat())
    .map(([seed, changes, cut]) => {
      const bytes = Buffer.from(seed);
      for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 128)] = value;
      return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
    });
  await fc.assert(
    fc.asyncProperty(damaged, async (bytes) => {
      try {
        const small = 1e6;
        const image = await openImage(bytes, small, null);
        const format = sniffFormat(bytes);
        const raster = format === 'bmp' ? decodeBmp(bytes) : format === 'pnm' ? decodePnm(bytes) : await image.decode(never);
        return raster.data.length === raster.width * raster.height * 3;
      } catch (error) {
        return error instanceof RequestError || error instanceof RasterError;
      }
    }),
    { numRuns: 100 },
  );
  t.pass('100 damaged files');
});
