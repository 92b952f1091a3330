import t from 'tap';
import { RequestImages } from '../../../inference/backend/request-images.ts';
import { ImageNotCached, RequestError } from '../../../inference/errors.ts';
import type { Preprocessor } from '../../../inference/vision/preprocess.ts';

const preprocessor: Preprocessor = {
  size: { width: 1, height: 1 },
  run: async ({ data }) => Float32Array.from(data),
  close: async () => {},
};
const red = { width: 1, height: 1, data: Uint8Array.of(255, 0, 0), hash: 'red' };

function setup() {
  const held = new Set<string>();
  const images = new RequestImages(preprocessor, { holdsImage: (hash, salt) => held.has(`${salt ?? ''} ${hash}`) });
  return { images, held };
}

t.test('an image that was sent under a name can be asked for by it, as long as the engine holds it', async (t) => {
  const { images, held } = setup();
  const [sent] = images.resolve([{ ...red, uuid: 'r' }], undefined);
  t.strictSame(await sent?.pixels(), Float32Array.of(255, 0, 0));
  t.throws(() => images.resolve([{ uuid: 'r' }], undefined), ImageNotCached);
  held.add(' red');
  const [named] = images.resolve([{ uuid: 'r' }], undefined);
  t.equal(named?.hash, 'red');
  await t.rejects(Promise.resolve(named?.pixels()), { code: 'image_not_cached', message: /"r".*send the request again/ });
  t.throws(() => images.resolve([{ uuid: 'other' }], undefined), ImageNotCached);
});

t.test('a name means what was sent last under it, to requests of the same salt', (t) => {
  const { images, held } = setup();
  for (const hash of [' red', ' blue', 'a green']) held.add(hash);
  images.resolve([{ ...red, uuid: 'x' }], undefined);
  images.resolve([{ ...red, hash: 'blue', uuid: 'x' }], undefined);
  images.resolve([{ ...red, hash: 'green', uuid: 'x' }], 'a');
  t.equal(images.resolve([{ uuid: 'x' }], undefined)[0]?.hash, 'blue');
  t.equal(images.resolve([{ uuid: 'x' }], 'a')[0]?.hash, 'green');
  t.throws(() => images.resolve([{ uuid: 'x' }], 'b'), ImageNotCached);
  t.end();
});

t.test('a model of text only prepares no image', async (t) => {
  const [image] = new RequestImages(null, { holdsImage: () => false }).resolve([red], undefined);
  await t.rejects(Promise.resolve(image?.pixels()), RequestError);
});
