/** What a picture of the evaluation holds, and how one is composed so that its questions have one answer. */
import type { SeededRandom } from '../tools/random.ts';
import { type ColourName, colourNames, contrast, difference, type Rgb, shadeOf } from './colours.ts';

export const shapeNames = ['circle', 'square', 'triangle', 'star', 'diamond', 'heart', 'cross'] as const;
export type ShapeName = (typeof shapeNames)[number];

/** Faces that the training never draws with (`RESERVED` in training/fonts.py). */
export const fonts = ['Liberation Sans', 'Liberation Serif', 'Liberation Mono', 'Noto Sans', 'Noto Serif'] as const;
type FontName = (typeof fonts)[number];

export interface Background {
  readonly kind: 'plain' | 'graded' | 'striped' | 'noisy';
  readonly tones: readonly [Rgb, Rgb];
  /** Degrees. */
  readonly angle: number;
  readonly seed: number;
}

interface Placed {
  readonly colour: ColourName;
  readonly rgb: Rgb;
  /** Centre and extent, pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Degrees, clockwise. */
  readonly turn: number;
}

export interface DrawnShape extends Placed {
  readonly kind: 'shape';
  readonly shape: ShapeName;
  readonly style: 'filled' | 'outlined' | 'bordered';
}

export interface DrawnText extends Placed {
  readonly kind: 'text';
  readonly text: string;
  readonly font: FontName;
  readonly bold: boolean;
  /** Font size, pixels. */
  readonly size: number;
}

export type Drawn = DrawnShape | DrawnText;

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly background: Background;
  readonly objects: readonly Drawn[];
}

/** Least CIE76 difference between a thing and either tone behind it. */
const visible = 40;
/** Least contrast ratio between text and either tone behind it; below, only the hue differs, which JPEG halves in thin strokes. */
const legible = 1.5;
const canvases = [
  [200, 200],
  [240, 320],
  [300, 300],
  [320, 240],
  [400, 300],
  [480, 360],
  [512, 512],
  [500, 400],
  [640, 480],
  [720, 480],
  [900, 600],
] as const;

export function canvas(random: SeededRandom): { width: number; height: number } {
  const [width, height] = random.pick(canvases);
  return { width, height };
}

/** A background, and the colours that can be told from it. */
export function background(random: SeededRandom): Background {
  const kind = random.pick(['plain', 'plain', 'graded', 'striped', 'noisy'] as const);
  const light = random.chance(0.6);
  const base = light ? random.between(205, 252) : random.between(8, 60);
  const first = tint(random, base);
  const second = kind === 'plain' ? first : tint(random, light ? base - random.between(10, 30) : base + random.between(10, 30));
  return { kind, tones: [first, second], angle: random.whole(0, 179), seed: random.whole(1, 9999) };
}

function tint(random: SeededRandom, level: number): Rgb {
  const channel = () => Math.min(255, Math.max(0, level + random.between(-12, 12)));
  return [channel(), channel(), channel()];
}

/** A shade of `name` that stands out from the background, or null when the name cannot. */
export function visibleShade(name: ColourName, behind: Background, random: SeededRandom): Rgb | null {
  return shadeOf(name, random, (rgb) => behind.tones.every((tone) => difference(tone, rgb) >= visible));
}

export function visibleColours(behind: Background, random: SeededRandom): ColourName[] {
  return colourNames.filter((name) => visibleShade(name, behind, random) !== null);
}

/** A background, and a shade of `name` in which text can be read on it. */
export function paperFor(name: ColourName, random: SeededRandom): { behind: Background; rgb: Rgb } {
  for (;;) {
    const behind = background(random);
    const rgb = shadeOf(name, random, (shade) =>
      behind.tones.every((tone) => difference(tone, shade) >= visible && contrast(tone, shade) >= legible),
    );
    if (rgb !== null) return { behind, rgb };
  }
}

/** A free spot for each box (largest gap first tried, then smaller), or null when the boxes do not fit. */
export function spread(
  boxes: readonly { width: number; height: number }[],
  field: { width: number; height: number },
  random: SeededRandom,
): { x: number; y: number }[] | null {
  const gap = 0.03 * Math.min(field.width, field.height);
  for (let layout = 0; layout < 40; layout++) {
    const spots: { x: number; y: number; width: number; height: number }[] = [];
    for (const box of boxes) {
      for (let attempt = 0; attempt < 60; attempt++) {
        const x = random.between(box.width / 2 + gap, field.width - box.width / 2 - gap);
        const y = random.between(box.height / 2 + gap, field.height - box.height / 2 - gap);
        const free = spots.every(
          (other) =>
            Math.abs(other.x - x) > (other.width + box.width) / 2 + gap || Math.abs(other.y - y) > (other.height + box.height) / 2 + gap,
        );
        if (!free) continue;
        spots.push({ x, y, ...box });
        break;
      }
    }
    if (spots.length === boxes.length) return spots;
  }
  return null;
}
