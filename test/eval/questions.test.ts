import sharp from 'sharp';
import t from 'tap';
import { SeededRandom } from '../tools/random.ts';
import { difference } from './colours.ts';
import { inCells, palette, scattered } from './compose.ts';
import { right } from './judge.ts';
import { questions } from './questions.ts';
import { sceneSvg } from './svg.ts';
import { type Drawn, shapeNames } from './world.ts';

t.test('the same seed asks the same, another seed something else', async (t) => {
  const first = questions(1, 6);
  const again = questions(1, 6);
  t.strictSame(
    again.map(({ text, expected }) => ({ text, expected })),
    first.map(({ text, expected }) => ({ text, expected })),
  );
  t.notSame(
    questions(2, 6).map(({ expected }) => expected),
    first.map(({ expected }) => expected),
  );
  t.strictSame((await again[0]!.picture()).bytes, (await first[0]!.picture()).bytes);
});

t.test('every category is asked, presence in equal halves, and no wording keeps an unfilled slot', async (t) => {
  const asked = questions(1, 12);
  t.equal(asked.length, 6 * 12 + 20);
  t.notOk(asked.find(({ text }) => /[{}]/.test(text)));
  const counts = asked.flatMap(({ expected }) => (expected.kind === 'count' ? expected.is : []));
  t.strictSame([...new Set(counts)].sort(), [1, 2, 3, 4, 5, 6]);
});

t.test('a right answer in plain words passes the judge for each question', async (t) => {
  for (const { expected } of questions(3, 12)) {
    const words =
      expected.kind === 'presence'
        ? expected.is
          ? 'Yes.'
          : 'No.'
        : expected.kind === 'place'
          ? expected.is.join(' ') || 'middle'
          : expected.kind === 'honest'
            ? 'I am a demonstration model for shapes and letters.'
            : String(expected.is);
    t.ok(right(words, expected), `${words} for ${JSON.stringify(expected)}`);
  }
});

t.test('things are apart, inside, large enough and stand out from the background', async (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new SeededRandom(seed);
    const { behind, colours } = palette(6, random);
    const things = colours.map((colour, i) => ({ colour, shape: shapeNames[i]! }));
    const cells = things.slice(0, 3).map((thing, i) => ({ ...thing, column: i, row: (seed + i) % 3 }));
    for (const scene of [scattered(things.slice(0, 1 + (seed % 6)), behind, random), inCells(cells, behind, random)]) {
      const short = Math.min(scene.width, scene.height);
      for (const object of scene.objects) {
        const fits = object.x > object.width / 2 && object.x < scene.width - object.width / 2 && object.y > object.height / 2;
        const stands = behind.tones.every((tone) => difference(tone, object.rgb) >= 40);
        if (!fits || !stands || Math.min(object.width, object.height) < 0.09 * short) t.fail(`seed ${seed}: ${JSON.stringify(object)}`);
        if (scene.objects.some((other) => other !== object && overlap(object, other))) t.fail(`seed ${seed}: things overlap`);
      }
    }
  }
});

function overlap(a: Drawn, b: Drawn): boolean {
  return Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2;
}

t.test('a thing is drawn in its colour where the scene says', async (t) => {
  const random = new SeededRandom(5);
  const { behind } = palette(1, random, 'blue');
  const scene = inCells([{ shape: 'square', colour: 'blue', column: 2, row: 0 }], behind, random);
  const { data, info } = await sharp(
    Buffer.from(sceneSvg({ ...scene, objects: scene.objects.map((o) => ({ ...o, style: 'filled' }) as Drawn) })),
  )
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { x, y, rgb } = scene.objects[0]!;
  const at = (Math.round(y) * info.width + Math.round(x)) * info.channels;
  t.strictSame([...data.subarray(at, at + 3)], [...rgb]);
  t.ok(x > (2 / 3) * scene.width && y < scene.height / 3);
});
