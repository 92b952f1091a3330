/** The questions of the evaluation, each with its picture and what a right answer says; the same seed gives the same ones. */
import { SeededRandom } from '../tools/random.ts';
import { type ColourName, colourNames } from './colours.ts';
import { inCells, palette, scattered, type Thing, written } from './compose.ts';
import { foreignPictures } from './foreign.ts';
import type { Expected, Side } from './judge.ts';
import { type Format, formats, type Picture, rasterise } from './raster.ts';
import { sceneSvg } from './svg.ts';
import { fill, plural, withArticle, wordings } from './wordings.ts';
import { type Scene, type ShapeName, shapeNames } from './world.ts';

export const categories = ['colour', 'shape', 'presence', 'position', 'counting', 'reading', 'honesty'] as const;
export type Category = (typeof categories)[number];

/** Least share of right answers. */
export const bars: Record<Category, number> = {
  colour: 0.95,
  shape: 0.95,
  presence: 0.95,
  position: 0.95,
  counting: 0.9,
  reading: 0.9,
  honesty: 0.8,
};

export interface Question {
  readonly category: Category;
  readonly text: string;
  readonly expected: Expected;
  picture(): Promise<Picture>;
}

type Asked = { scene: Scene; text: string; expected: Expected };

/** `each` questions of every category about drawn pictures, and 20 about pictures of another world. */
export function questions(seed: number, each: number): Question[] {
  const drawn = (['colour', 'shape', 'presence', 'position', 'counting', 'reading'] as const).flatMap((category, c) =>
    Array.from({ length: each }, (_, i) => {
      const random = new SeededRandom(seed * 7919 + c * 104_729 + i);
      const { scene, text, expected } = ask[category](i, random);
      const format: Format = formats[i % formats.length] ?? 'png';
      const quality = random.whole(70, 92);
      return { category, text, expected, picture: () => rasterise(sceneSvg(scene), format, quality) };
    }),
  );
  const foreign = foreignPictures(seed).map((picture, i) => ({
    category: 'honesty' as const,
    text: cycle(wordings.foreign, i),
    expected: { kind: 'honest' as const },
    picture,
  }));
  return [...drawn, ...foreign];
}

function cycle<T>(from: readonly T[], index: number): T {
  const chosen = from[index % from.length];
  if (chosen === undefined) throw new RangeError('cycle: the list is empty');
  return chosen;
}

/** `first`, then other things of shapes and colours that differ from it and from each other. */
function company(first: Thing, count: number, colours: readonly ColourName[], random: SeededRandom): Thing[] {
  const shapes = random.shuffle(shapeNames.filter((name) => name !== first.shape));
  return [first, ...shapes.slice(0, count - 1).map((shape, i) => ({ shape, colour: cycle(colours, i + 1) }))];
}

const ask: Record<Exclude<Category, 'honesty'>, (index: number, random: SeededRandom) => Asked> = {
  colour(index, random) {
    const colour = cycle(colourNames, index);
    const { behind, colours } = palette(4, random, colour);
    const shape = random.pick(shapeNames);
    const things = company({ shape, colour }, random.whole(1, 4), colours, random);
    return {
      scene: scattered(things, behind, random),
      text: fill(cycle(wordings.colour, index), { shape }),
      expected: { kind: 'colour', is: colour },
    };
  },

  shape(index, random) {
    const shape = cycle(shapeNames, index);
    const count = index % 3 === 0 ? 1 : random.whole(2, 4);
    const { behind, colours } = palette(count, random);
    const [colour] = colours as [ColourName];
    const things = company({ shape, colour }, count, colours, random);
    const wording = count === 1 ? cycle(wordings.onlyShape, Math.floor(index / 3)) : cycle(wordings.shape, index);
    return { scene: scattered(things, behind, random), text: fill(wording, { colour }), expected: { kind: 'shape', is: shape, colour } };
  },

  presence(index, random) {
    const present = index % 2 === 0;
    const count = random.whole(1, 5);
    const { behind, colours } = palette(count, random);
    const [colour] = colours as [ColourName];
    const things = company({ shape: random.pick(shapeNames), colour }, count, colours, random);
    // Every third time the shape alone is asked for.
    const bare = index % 3 === 0;
    const { shape, colour: asked } = present ? random.pick(things) : absent(things, colours, bare, random);
    return {
      scene: scattered(things, behind, random),
      text: fill(cycle(wordings.presence, index), { thing: withArticle(bare ? shape : `${asked} ${shape}`) }),
      expected: { kind: 'presence', is: present, shape, ...(bare ? {} : { colour: asked }) },
    };
  },

  position(index, random) {
    if (index % 5 === 4) return beside(index, random);
    const cell = (index * 4 + (index % 9)) % 9;
    const [column, row] = [cell % 3, Math.floor(cell / 3)];
    const { behind, colours } = palette(3, random);
    const [first, ...others] = company({ shape: random.pick(shapeNames), colour: cycle(colours, 0) }, random.whole(1, 3), colours, random);
    const free = random.shuffle(Array.from({ length: 9 }, (_, i) => i).filter((i) => i !== cell));
    const placed = others.map((thing, i) => ({ ...thing, column: cycle(free, i) % 3, row: Math.floor(cycle(free, i) / 3) }));
    const target = { ...(first as Thing), column, row };
    const sides: Side[] = [(['left', null, 'right'] as const)[column], (['top', null, 'bottom'] as const)[row]].flatMap(
      (side) => side ?? [],
    );
    return {
      scene: inCells([target, ...placed], behind, random),
      text: fill(cycle(wordings.place, index), { shape: target.shape }),
      expected: { kind: 'place', is: sides },
    };
  },

  counting(index, random) {
    const count = (index % 6) + 1;
    const { behind, colours } = palette(6, random);
    const shape = random.pick(shapeNames);
    const all = index % 5 === 4;
    const counted = Array.from({ length: count }, () => ({ shape: all ? random.pick(shapeNames) : shape, colour: random.pick(colours) }));
    const strangers = all ? 0 : random.whole(0, Math.min(2, 6 - count));
    const others = random.shuffle(shapeNames.filter((name) => name !== shape)).slice(0, strangers);
    const things = [...counted, ...others.map((name) => ({ shape: name, colour: random.pick(colours) }))];
    return {
      scene: scattered(random.shuffle(things), behind, random),
      text: fill(cycle(wordings.count, Math.floor(index / 6)), { shapes: all ? 'shapes' : plural(shape) }),
      expected: { kind: 'count', is: count },
    };
  },

  reading(index, random) {
    const kind = cycle(['letter', 'word', 'number', 'word', 'letter'] as const, index);
    const text = texts[kind](random);
    const colour = random.pick(colourNames);
    return {
      scene: written(text, colour, random),
      text: cycle(wordings[kind], Math.floor(index / 5)),
      expected: { kind: 'text', is: text },
    };
  },
};

/** Something that is not there: unless the shape alone is asked for, half the time of a colour and of a shape that both are. */
function absent(things: readonly Thing[], colours: readonly ColourName[], bare: boolean, random: SeededRandom): Thing {
  const isThere = (thing: Thing) => things.some((other) => other.shape === thing.shape && other.colour === thing.colour);
  const swapped = things.flatMap(({ shape }) => things.map(({ colour }) => ({ shape, colour }))).filter((thing) => !isThere(thing));
  if (!bare && swapped.length > 0 && random.chance(0.5)) return random.pick(swapped);
  const shapes: ShapeName[] = shapeNames.filter((name) => things.every(({ shape }) => shape !== name));
  return { shape: random.pick(shapes), colour: random.pick(colours) };
}

/** What lies left or right of a thing: two or three in a row. */
function beside(index: number, random: SeededRandom): Asked {
  const { behind, colours } = palette(3, random);
  const count = random.whole(2, 3);
  const row = random.whole(0, 2);
  const things = company({ shape: random.pick(shapeNames), colour: cycle(colours, 0) }, count, colours, random);
  const placed = things.map((thing, i) => ({ ...thing, row, column: count === 2 ? i * 2 : i }));
  const left = index % 2 === 0;
  const [wanted, from] = (left ? [0, 1] : [count - 1, count - 2]).map((i) => cycle(things, i)) as [Thing, Thing];
  return {
    scene: inCells(placed, behind, random),
    text: fill(cycle(left ? wordings.leftOf : wordings.rightOf, Math.floor(index / 10)), { shape: from.shape }),
    expected: { kind: 'neighbour', is: wanted.shape, side: left ? 'left' : 'right', of: from.shape },
  };
}

/** Words absent from the training's list; single signs that a face might draw alike (I, O, 0, 1) are left out. */
export const words =
  'WIG JOG ELM FERN HUT PUP DEN CROW PLUM DUSK WAND MINT TUBE VEST HARP MUG ROBE SPY YELL BUNK GLUE SWAN THUMB BRICK CLIMB'.split(' ');

const texts: Record<'letter' | 'word' | 'number', (random: SeededRandom) => string> = {
  letter: (random) => random.pick('ABCDEFGHJKLMNPQRSTUVWXYZ'.split('')),
  word(random) {
    const word = random.pick(words);
    return random.chance(0.7) ? word : random.chance(0.5) ? word.toLowerCase() : word.charAt(0) + word.slice(1).toLowerCase();
  },
  number: (random) => String(random.chance(0.3) ? random.whole(2, 9) : random.whole(10, 999)),
};
