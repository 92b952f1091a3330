import sharp from 'sharp';
import t from 'tap';
import { SeededRandom } from '../tools/random.ts';
import { colourNames, contrast, difference } from './colours.ts';
import { inCells, palette, scattered, written } from './compose.ts';
import { right } from './judge.ts';
import { questions, words } from './questions.ts';
import { requireFonts } from './raster.ts';
import { sceneSvg } from './svg.ts';
import { wordings } from './wordings.ts';
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

t.test('every category is asked in all its wordings, presence in equal halves, and no wording keeps an unfilled slot', async (t) => {
  const asked = questions(1, 40);
  t.equal(asked.length, 6 * 40 + 20);
  t.notOk(asked.find(({ text }) => /[{}]/.test(text)));
  const counts = asked.flatMap(({ expected }) => (expected.kind === 'count' ? expected.is : []));
  t.strictSame([...new Set(counts)].sort(), [1, 2, 3, 4, 5, 6]);
  const present = asked.flatMap(({ expected }) => (expected.kind === 'presence' ? expected.is : []));
  t.equal(present.filter((is) => is).length, 20);
  for (const wording of Object.values(wordings).flat()) {
    const form = new RegExp(`^${wording.replaceAll(/[?.]/g, '\\$&').replaceAll(/\{\w+\}/g, '[a-z ]+')}$`);
    t.ok(
      asked.some(({ text }) => form.test(text)),
      wording,
    );
  }
});

t.test('a right answer in plain words passes the judge for each question', async (t) => {
  for (const { expected } of questions(3, 12)) {
    const said =
      expected.kind === 'presence'
        ? expected.is
          ? 'Yes.'
          : 'No.'
        : expected.kind === 'place'
          ? expected.is.join(' ') || 'middle'
          : expected.kind === 'honest'
            ? 'I am a demonstration model for shapes and letters.'
            : String(expected.is);
    t.ok(right(said, expected), `${said} for ${JSON.stringify(expected)}`);
  }
  for (const word of words) t.ok(right(`The word is ${word}.`, { kind: 'text', is: word }), word);
});

t.test('things are apart, whole, large enough and stand out from the background; one in a third is all in it', async (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new SeededRandom(seed);
    const { behind, colours } = palette(6, random);
    const things = colours.map((colour, i) => ({ colour, shape: shapeNames[i]! }));
    const cells = things.slice(0, 3).map((thing, i) => ({ ...thing, column: i, row: (seed + i) % 3 }));
    const scattering = scattered(things.slice(0, 1 + (seed % 6)), behind, random);
    const grid = inCells(cells, behind, random);
    for (const scene of [scattering, grid]) {
      const drawn = scene.objects.map((object) => ({ object, box: box(object) }));
      for (const { object, box } of drawn) {
        const whole = box.left > 0 && box.top > 0 && box.right < scene.width && box.bottom < scene.height;
        const stands = behind.tones.every((tone) => difference(tone, object.rgb) >= 40);
        const large = Math.min(object.width, object.height) >= 0.09 * Math.min(scene.width, scene.height);
        if (!whole || !stands || !large) t.fail(`seed ${seed}: ${JSON.stringify(object)}`);
        if (drawn.some((other) => other.object !== object && overlap(box, other.box))) t.fail(`seed ${seed}: things overlap`);
      }
    }
    for (const [i, { column, row }] of cells.entries()) {
      const { left, right, top, bottom } = box(grid.objects[i]!);
      const [wide, tall] = [grid.width / 3, grid.height / 3];
      const within = left >= column * wide && right <= (column + 1) * wide && top >= row * tall && bottom <= (row + 1) * tall;
      if (!within) t.fail(`seed ${seed}: a thing leaves its third`);
    }
  }
});

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Around the corners of the outline, turned, with half of the thickest line (svg.ts) added. */
function box(object: Drawn): Box {
  if (object.kind !== 'shape') throw new TypeError('a shape is expected');
  const points = {
    square: [45, 45],
    triangle: [50, 42],
    cross: [50, 16],
    heart: [50, 20],
    star: [50, 0],
    circle: [50, 0],
    diamond: [50, 0],
  };
  const [x = 0, y = 0] = points[object.shape];
  const turn = Math.abs((object.turn * Math.PI) / 180);
  const far = ((x * Math.cos(turn) + y * Math.sin(turn) + 6) / 100) * object.height;
  return { left: object.x - far, right: object.x + far, top: object.y - far, bottom: object.y + far };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

t.test('text is whole and can be read on what is behind it', async (t) => {
  const missing = await requireFonts().then(
    () => false,
    () => true,
  );
  if (missing) return t.pass('the fonts of the evaluation are not installed here');
  for (const [i, text] of ['W', 'MUG', 'wand', 'Jog', 'THUMB', 'Q', '888', 'spy'].entries()) {
    for (let seed = 0; seed < 3; seed++) {
      const scene = written(text, colourNames[(i + seed) % colourNames.length]!, new SeededRandom(100 * i + seed));
      const [object] = scene.objects;
      t.ok(scene.background.tones.every((tone) => contrast(tone, object!.rgb) >= 1.5));
      const plain = { ...scene, background: { ...scene.background, kind: 'plain' as const } };
      const { data, info } = await sharp(Buffer.from(sceneSvg(plain)))
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      const paper = data.subarray(0, 3);
      const pixel = (x: number, y: number) => data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3);
      const rim = Array.from({ length: info.width }, (_, x) => [pixel(x, 0), pixel(x, info.height - 1)]).concat(
        Array.from({ length: info.height }, (_, y) => [pixel(0, y), pixel(info.width - 1, y)]),
      );
      t.ok(
        rim.flat().every((at) => paper.equals(at)),
        `${text}, seed ${seed}: no ink at the rim`,
      );
    }
  }
});

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
