/** The eleven colour names, their CSS shades, and how far apart two shades look. */
import type { SeededRandom } from '../tools/random.ts';

export type Rgb = readonly [red: number, green: number, blue: number];

/** CSS colours whose name nobody would dispute; borderline ones (firebrick, teal, coral, CSS `brown` …) are left out. */
const shades = {
  red: { red: [255, 0, 0], crimson: [220, 20, 60], signal: [221, 0, 0], scarlet: [242, 38, 19] },
  green: {
    green: [0, 128, 0],
    forestgreen: [34, 139, 34],
    limegreen: [50, 205, 50],
    seagreen: [46, 139, 87],
    mediumseagreen: [60, 179, 113],
  },
  blue: { blue: [0, 0, 255], royalblue: [65, 105, 225], dodgerblue: [30, 144, 255], mediumblue: [0, 0, 205], steelblue: [70, 130, 180] },
  yellow: { yellow: [255, 255, 0], gold: [255, 215, 0], banana: [255, 225, 53], sun: [247, 221, 23] },
  orange: { orange: [255, 165, 0], darkorange: [255, 140, 0], tangerine: [255, 127, 17] },
  purple: {
    purple: [128, 0, 128],
    rebeccapurple: [102, 51, 153],
    darkviolet: [148, 0, 211],
    darkorchid: [153, 50, 204],
    blueviolet: [138, 43, 226],
  },
  black: { black: [0, 0, 0], coal: [11, 11, 11], ink: [20, 20, 20] },
  white: { white: [255, 255, 255], snow: [255, 250, 250], whitesmoke: [245, 245, 245], ghostwhite: [248, 248, 255] },
  brown: { saddlebrown: [139, 69, 19], sienna: [160, 82, 45], chestnut: [123, 74, 30], umber: [99, 62, 33] },
  pink: { pink: [255, 192, 203], hotpink: [255, 105, 180], lightpink: [255, 182, 193] },
  grey: { grey: [128, 128, 128], darkgrey: [169, 169, 169], dimgrey: [105, 105, 105], slate: [140, 142, 145] },
} as const satisfies Record<string, Record<string, Rgb>>;

export type ColourName = keyof typeof shades;
export const colourNames = Object.keys(shades) as ColourName[];

/** A CSS shade of a colour, or a close neighbour of it, that `suits`; null when no shade of that name does. */
export function shadeOf(name: ColourName, random: SeededRandom, suits: (rgb: Rgb) => boolean): Rgb | null {
  const fitting = Object.values<Rgb>(shades[name]).filter(suits);
  if (fitting.length === 0) return null;
  const base = random.pick(fitting);
  const near = neighbour(base, name === 'black' || name === 'white' || name === 'grey', random);
  return suits(near) ? near : base;
}

/** Greys stay grey: the same step in all three channels. */
function neighbour(base: Rgb, grey: boolean, random: SeededRandom): Rgb {
  const lift = random.whole(-3, 3);
  const near = (channel: number) => Math.min(255, Math.max(0, channel + (grey ? lift : random.whole(-8, 8))));
  return [near(base[0]), near(base[1]), near(base[2])];
}

/** Light of each channel, 0 to 1 (sRGB's transfer function). */
function linear(rgb: Rgb): Rgb {
  return rgb.map((c) => (c <= 10 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
}

/** CIE L*a*b* (D65), where Euclidean distance is close to what an eye sees. */
function lab(rgb: Rgb): Rgb {
  const [r, g, b] = linear(rgb);
  const f = (v: number) => (v > 0.008856 ? Math.cbrt(v) : 7.787 * v + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIE76 colour difference. */
export function difference(a: Rgb, b: Rgb): number {
  const [l1, a1, b1] = lab(a);
  const [l2, a2, b2] = lab(b);
  return Math.hypot(l1 - l2, a1 - a2, b1 - b2);
}

/** Contrast ratio of WCAG 2.2, 1 to 21: of lightness alone, which is what thin strokes are seen by. */
export function contrast(a: Rgb, b: Rgb): number {
  const light = (rgb: Rgb) => {
    const [red, green, blue] = linear(rgb);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  return Math.max(light(a), light(b)) / Math.min(light(a), light(b));
}

export function hex(rgb: Rgb): string {
  return `#${rgb.map((c) => Math.round(c).toString(16).padStart(2, '0')).join('')}`;
}
