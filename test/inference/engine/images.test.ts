/** Pictures: encoded once, in batches, kept by content, and never in anybody's way. */
import t from 'tap';
import { RequestError } from '../../../inference/errors.ts';
import { alone, ask, image, never, placeholders, read, start, words } from './engine-helper.ts';

const look = (seed: number, onPixels?: () => void) => ask([...placeholders, 7, 9], { images: [image(seed, onPixels)] });

t.test('two requests with the same new image at once encode it once; later ones need no pixels', async (t) => {
  const { engine, runner } = start(t);
  let loads = 0;
  const answers = await Promise.all(
    [1, 1].map((seed) =>
      read(
        engine.submit(
          look(seed, () => loads++),
          never(),
        ),
      ),
    ),
  );
  t.strictSame(answers[0]?.texts, answers[1]?.texts);
  await read(
    engine.submit(
      look(1, () => loads++),
      never(),
    ),
  );
  t.equal(loads, 1);
  t.match(engine.stats(), { imagesEncoded: 1, imageCacheHits: 2 });
  t.equal(runner.calls.filter((call) => call.kind === 'encode').length, 1);
});

t.test('images of several requests are encoded in one run, of at most `imageBatch`', async (t) => {
  const { engine, runner } = start(t, { slots: 8, imageBatch: 4 });
  await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => read(engine.submit(look(seed), never()))));
  const counts = runner.calls.flatMap((call) => (call.kind === 'encode' ? [call.count] : []));
  t.equal(counts[0], 4);
  t.equal(
    counts.reduce((sum, count) => sum + count, 0),
    6,
  );
});

t.test('beside a decoding sequence there is at most one image between two steps', async (t) => {
  const { engine, runner } = start(t, { slots: 8, eosChance: 0 });
  const talker = engine.submit(ask(words(3), { stopping: { maxTokens: 60, stop: [], stopTokenIds: [] } }), never());
  await talker.next();
  const lookers = [1, 2, 3, 4].map((seed) => read(engine.submit(look(seed), never())));
  await Promise.all([read(talker), ...lookers]);
  const kinds = runner.calls.map((call) => call.kind);
  t.notOk(kinds.some((kind, i) => kind === 'encode' && kinds.slice(i + 1).find((next) => next !== 'prefill') === 'encode'));
});

t.test('the least recently used features make room, and are encoded again when asked for', async (t) => {
  const bytes = 3 * 2 * Float32Array.BYTES_PER_ELEMENT;
  const { engine } = start(t, { imageCacheBytes: 2 * bytes });
  for (const seed of [1, 2, 1, 3, 1, 2]) {
    t.strictSame((await read(engine.submit(look(seed), never()))).texts, (await alone(look(seed))).texts);
  }
  t.match(engine.stats(), { imagesEncoded: 4, imageCacheHits: 2 });
  const none = start(t, { imageCacheBytes: 0 });
  for (const seed of [1, 1]) await read(none.engine.submit(look(seed), never()));
  t.match(none.engine.stats(), { imagesEncoded: 2, imageCacheHits: 0 });
});

t.test('many images in one prompt, more than are asked for at a time, in small chunks', async (t) => {
  const images = Array.from({ length: 20 }, (_, i) => image(i % 6));
  const many = ask([2, ...images.flatMap((_, i) => [...placeholders, 5 + i]), 4], { images });
  const { engine } = start(t, { prefillChunk: 5, imageBatch: 3 });
  t.strictSame((await read(engine.submit(many, never()))).texts, (await alone(many)).texts);
  t.match(engine.stats(), { imagesEncoded: 6 });
  const uncached = start(t, { prefillChunk: 5, imageCacheBytes: 0 });
  t.strictSame((await read(uncached.engine.submit(many, never()))).texts, (await alone(many)).texts);
});

t.test("pixels that cannot be had fail their request only, also when another's are the same image", async (t) => {
  const { engine } = start(t);
  const broken = (error: Error) => ask([...placeholders, 7, 9], { images: [{ hash: 'image-1', pixels: () => Promise.reject(error) }] });
  const results = await Promise.allSettled([
    read(engine.submit(broken(new RequestError('The image is broken.')), never())),
    read(engine.submit(broken(new TypeError('x is undefined')), never())),
    read(engine.submit(look(1), never())),
  ]);
  t.match(results[0], { status: 'rejected', reason: { name: 'RequestError', message: 'The image is broken.' } });
  t.match(results[1], { status: 'rejected', reason: { name: 'EngineFailure', cause: TypeError } });
  t.match(results[2], { status: 'fulfilled', value: { texts: (await alone(look(1))).texts } });
  const wrongSize = ask([...placeholders, 7], { images: [{ hash: 'small', pixels: () => new Float32Array(5) }] });
  await t.rejects(read(engine.submit(wrongSize, never())), { name: 'EngineFailure', message: /5 values; the vision tower takes 12/ });
});

t.test('a failing encoder fails those whose images were in the run, and is used again', async (t) => {
  const { engine, runner } = start(t);
  runner.before = (call) => {
    if (call.kind === 'encode') throw new Error('no');
  };
  const results = await Promise.allSettled([1, 2].map((seed) => read(engine.submit(look(seed), never()))));
  t.match(results, [
    { status: 'rejected', reason: { name: 'EngineFailure', message: 'The vision encoder failed.' } },
    { status: 'rejected', reason: { name: 'EngineFailure' } },
  ]);
  runner.before = () => {};
  t.strictSame((await read(engine.submit(look(1), never()))).texts, (await alone(look(1))).texts);
});

t.test('who cancels while an image is encoded takes nothing from another who waits for it', async (t) => {
  const { engine, runner } = start(t);
  const controller = new AbortController();
  runner.before = (call) => {
    if (call.kind === 'encode') controller.abort();
  };
  const leaving = t.rejects(read(engine.submit(look(1), controller.signal)), { name: 'AbortError' });
  const staying = read(engine.submit(look(1), never()));
  await leaving;
  t.strictSame((await staying).texts, (await alone(look(1))).texts);
  t.equal(engine.stats().imagesEncoded, 1);
});
