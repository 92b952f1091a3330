import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { EnginePrompt } from '../../../inference/engine/prompt.ts';
import { IMAGE, vision } from './arithmetic-runner.ts';
import { image, placeholders } from './engine-helper.ts';

const features = (seed: number) => Float32Array.from({ length: vision.tokensPerImage }, (_, row) => seed * 10 + row);

t.test('a chunk carries the features of the images in it, and which row each placeholder is', (t) => {
  const prompt = new EnginePrompt([9, ...placeholders, 8, ...placeholders], [image(1), image(2)], vision);
  t.equal(prompt.imageTokens, 6);
  t.equal(prompt.lengthBefore(0), 1);
  t.equal(prompt.lengthBefore(1), 5);
  t.equal(prompt.lengthBefore(2), 8);
  const chunk = prompt.chunk(3, 2, 4, [features(1), features(2)]);
  t.strictSame(chunk, {
    slot: 3,
    start: 2,
    ids: Int32Array.of(IMAGE, IMAGE, 8, IMAGE),
    imageIndex: Int32Array.of(1, 2, -1, 3),
    imageFeatures: Float32Array.of(10, 11, 12, 20, 21, 22),
    wantLogits: false,
  });
  t.match(prompt.chunk(3, 6, 2, [null, features(2)]), { imageIndex: Int32Array.of(1, 2), wantLogits: true });
  t.match(prompt.chunk(3, 0, 1, [null, null]), { imageIndex: null, imageFeatures: null });
  t.throws(() => prompt.chunk(3, 0, 2, [null, null]), /before it was encoded/);
  t.end();
});

t.test('however it is cut, each placeholder sees its own row', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('word', 'image'), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      (parts, size) => {
        const ids = parts.flatMap((part) => (part === 'image' ? placeholders : [7]));
        const images = parts.filter((part) => part === 'image').map((_, i) => image(i));
        const prompt = new EnginePrompt(ids, images, vision);
        const all = images.map((_, i) => features(i));
        const seen: number[] = [];
        for (let at = 0; at < ids.length; at += size) {
          const { imageIndex, imageFeatures, ids: part } = prompt.chunk(0, at, Math.min(size, ids.length - at), all);
          for (let i = 0; i < part.length; i++) if (part[i] === IMAGE) seen.push(imageFeatures?.[imageIndex?.[i] ?? -1] ?? Number.NaN);
        }
        assert.deepEqual(
          seen,
          all.flatMap((each) => [...each]),
        );
      },
    ),
    { numRuns: 100, seed: 3 },
  );
  t.pass('equal');
  t.end();
});

t.test('a token that the model has no embedding for is refused', (t) => {
  const prompt = new EnginePrompt([3, 64, 5], [], null);
  t.doesNotThrow(() => prompt.requireWithin(65));
  t.throws(() => prompt.requireWithin(64), { code: 'invalid_request', message: /64.*0 to 63/ });
  t.throws(() => new EnginePrompt([-1], [], null).requireWithin(64), { code: 'invalid_request' });
  t.end();
});
