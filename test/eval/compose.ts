/** Builds the scenes that questions are asked about: each with things apart, visible, and large enough to name. */
import type { SeededRandom } from '../tools/random.ts';
import type { ColourName } from './colours.ts';
import {
  type Background,
  background,
  canvas,
  type DrawnShape,
  type DrawnText,
  fonts,
  paperFor,
  type Scene,
  type ShapeName,
  spread,
  visibleColours,
  visibleShade,
} from './world.ts';

export interface Thing {
  readonly shape: ShapeName;
  readonly colour: ColourName;
}

/** Size of a thing as a share of the shorter side, by how many there are. */
const sizes: Record<number, readonly [number, number]> = {
  1: [0.3, 0.6],
  2: [0.24, 0.42],
  3: [0.2, 0.34],
  4: [0.18, 0.28],
  5: [0.16, 0.24],
  6: [0.15, 0.22],
};

/** No thing of size 1 reaches farther from its centre, left, right, up or down, turned and with the line around it. */
const reach = 0.64;

function shapeAt(thing: Thing, size: number, at: { x: number; y: number }, behind: Background, random: SeededRandom): DrawnShape {
  const rgb = visibleShade(thing.colour, behind, random);
  if (rgb === null) throw new Error(`${thing.colour} cannot be seen on this background; choose among visibleColours()`);
  const slim = thing.shape === 'diamond' ? random.between(0.68, 0.9) : 1;
  const turns = { circle: 0, square: 12, triangle: 12, star: 20, diamond: 6, heart: 15, cross: 10 }[thing.shape];
  const style = random.pick(['filled', 'filled', 'filled', 'outlined', 'bordered'] as const);
  return {
    kind: 'shape',
    ...thing,
    rgb,
    ...at,
    width: size * slim,
    height: size,
    turn: random.chance(0.4) ? random.between(-turns, turns) : 0,
    style,
  };
}

/** Things anywhere on a picture, apart from each other. */
export function scattered(things: readonly Thing[], behind: Background, random: SeededRandom): Scene {
  const [low, high] = sizes[things.length] ?? [0.15, 0.2];
  for (;;) {
    const field = canvas(random);
    const short = Math.min(field.width, field.height);
    const extents = things.map(() => random.between(low, high) * short);
    const spots = spread(
      extents.map((side) => ({ width: side * 1.2, height: side * 1.2 })),
      field,
      random,
    );
    if (spots === null) continue;
    const objects = things.map((thing, i) => {
      const at = spots[i];
      return shapeAt(thing, extents[i] ?? 0, { x: at?.x ?? 0, y: at?.y ?? 0 }, behind, random);
    });
    return { ...field, background: behind, objects };
  }
}

/** Each thing in its cell of a 3 × 3 grid (`column`, `row` from 0), no part of it outside. */
export function inCells(placed: readonly (Thing & { column: number; row: number })[], behind: Background, random: SeededRandom): Scene {
  const field = canvas(random);
  const short = Math.min(field.width, field.height);
  const objects = placed.map(({ column, row, ...thing }) => {
    const size = random.between(0.18, 0.26) * short;
    const within = (cell: number, side: number) => {
      const room = side / 6 - size * reach;
      return ((cell + 0.5) * side) / 3 + random.between(-room, room);
    };
    return shapeAt(thing, size, { x: within(column, field.width), y: within(row, field.height) }, behind, random);
  });
  return { ...field, background: behind, objects };
}

/** More than the width of any sign in any of the fonts, bold too, in em (M and W are the widest). */
function advance(sign: string, font: string): number {
  if (font === 'Liberation Mono') return 0.61;
  return /[MW]/.test(sign) ? 1.02 : /[A-Z]/.test(sign) ? 0.86 : /[mw]/.test(sign) ? 1 : 0.68;
}

/** One text, large, somewhere on the picture and whole. */
export function written(text: string, colour: ColourName, random: SeededRandom): Scene {
  const { behind, rgb } = paperFor(colour, random);
  const field = canvas(random);
  const font = random.pick(fonts);
  const bold = random.chance(0.5);
  const turn = random.chance(0.3) ? random.between(-6, 6) * (text.length > 3 ? 0.5 : 1) : 0;
  const em = { width: [...text].reduce((sum, sign) => sum + advance(sign, font), 0), height: 1.2 }; // room for the tail of a Q or g
  const [sin, cos] = [Math.abs(Math.sin((turn * Math.PI) / 180)), Math.cos((turn * Math.PI) / 180)];
  const turned = { width: em.width * cos + em.height * sin, height: em.height * cos + em.width * sin };
  const wide = (random.between(0.5, 0.85) * field.width) / (text.length * (font === 'Liberation Mono' ? 0.61 : bold ? 0.8 : 0.75));
  const tall = (random.between(0.3, 0.6) * field.height) / 0.72;
  const size = Math.min(wide, tall, (field.width - 6) / turned.width, (field.height - 6) / turned.height);
  const inside = (extent: number, side: number) => random.between(extent / 2 + 2, side - extent / 2 - 2);
  const object: DrawnText = {
    kind: 'text',
    text,
    colour,
    rgb,
    font,
    bold,
    size,
    x: inside(size * turned.width, field.width),
    y: inside(size * turned.height, field.height),
    width: size * em.width,
    height: size * 0.72,
    turn,
  };
  return { ...field, background: behind, objects: [object] };
}

/** A background and `count` different colours that stand out from it; `first`, when given, is the first of them. */
export function palette(count: number, random: SeededRandom, first?: ColourName): { behind: Background; colours: ColourName[] } {
  for (;;) {
    const behind = background(random);
    const seen = random.shuffle(visibleColours(behind, random));
    if (first !== undefined && !seen.includes(first)) continue;
    const others = seen.filter((name) => name !== first);
    const colours = (first === undefined ? others : [first, ...others]).slice(0, count);
    if (colours.length === count) return { behind, colours };
  }
}
