/** Twenty pictures outside the drawn world: photographs, textures from SVG filters, and made-up screens. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../tools/project.ts';
import { SeededRandom } from '../tools/random.ts';
import { type Format, formats, type Picture, rasterise } from './raster.ts';

/** Files in `photos/`. */
const photos = ['1.jpg', '2.jpg', '3.jpg', '4.jpg', '5.jpg', '6.jpg', '7.jpg', '8.jpg'] as const;

/** Eight photographs, eight textures, four screens. */
export function foreignPictures(seed: number): (() => Promise<Picture>)[] {
  const random = new SeededRandom(seed + 424_243);
  const drawn = [...textures, ...textures, ...screens].map((make, i) => {
    const svg = make(random);
    const format: Format = formats[i % formats.length] ?? 'png';
    return () => rasterise(svg, format, 80);
  });
  return [...photos.map((name) => () => photograph(name)), ...drawn];
}

async function photograph(name: (typeof photos)[number]): Promise<Picture> {
  return { bytes: await readFile(join(projectRoot(), 'test', 'eval', 'photos', name)), format: 'jpeg' };
}

function filtered(random: SeededRandom, steps: string): string {
  const [width, height] = random.pick([
    [320, 240],
    [400, 400],
    [480, 320],
  ] as const);
  const filter = `<filter id="f" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">${steps}</filter>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs>${filter}</defs><rect width="${width}" height="${height}" filter="url(#f)"/></svg>`;
}

function turbulence(random: SeededRandom, type: 'fractalNoise' | 'turbulence', frequency: string, octaves: number): string {
  return `<feTurbulence type="${type}" baseFrequency="${frequency}" numOctaves="${octaves}" seed="${random.whole(1, 9999)}"/>`;
}

/** Row of a colour matrix that takes its channel from the turbulence's first one: `gain · R + offset`. */
const row = (gain: number, offset: number) => `${gain.toFixed(2)} 0 0 0 ${offset.toFixed(2)}`;

const textures: readonly ((random: SeededRandom) => string)[] = [
  // Wood: noise drawn out along one side, in browns.
  (random) =>
    filtered(
      random,
      `${turbulence(random, 'fractalNoise', '0.008 0.11', 5)}<feColorMatrix values="${row(1.1, 0.05)} ${row(0.8, -0.05)} ${row(0.5, -0.08)} 0 0 0 0 1"/>`,
    ),
  // Clouds in a blue sky.
  (random) =>
    filtered(
      random,
      `${turbulence(random, 'fractalNoise', '0.012', 6)}<feColorMatrix values="${row(1.9, -0.4)} ${row(1.5, -0.1)} ${row(0.8, 0.5)} 0 0 0 0 1"/>`,
    ),
  // Rough stone, lit from one side.
  (random) =>
    filtered(
      random,
      `${turbulence(random, 'fractalNoise', '0.045', 6)}<feDiffuseLighting surfaceScale="${random.whole(4, 9)}" lighting-color="${random.pick(['#cbb59a', '#a9b4b8', '#c98f6a'])}"><feDistantLight azimuth="${random.whole(0, 359)}" elevation="45"/></feDiffuseLighting>`,
    ),
  // Marble and lava: folded noise in all three channels.
  (random) =>
    filtered(
      random,
      `${turbulence(random, 'turbulence', '0.014 0.02', 5)}<feColorMatrix values="1.8 0 0 0 0.1 0 1.6 0 0 0 0 0 1.5 0 0.05 0 0 0 0 1"/>`,
    ),
];

const screens: readonly ((random: SeededRandom) => string)[] = [codeEditor, barChart, webPage, spreadsheet];

const page = (width: number, height: number, paper: string, body: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width}" height="${height}" fill="${paper}"/>${body}</svg>`;

const bar = (x: number, y: number, width: number, height: number, fill: string) =>
  `<rect x="${x.toFixed(0)}" y="${y.toFixed(0)}" width="${width.toFixed(0)}" height="${height.toFixed(0)}" fill="${fill}"/>`;

function codeEditor(random: SeededRandom): string {
  const line = (_: unknown, i: number) => {
    const code = random.pick([
      'const total = items.length;',
      'if (total > limit) {',
      '  return next(value);',
      '}',
      'export function run() {',
      'for (const item of items) {',
    ]);
    return `<text x="44" y="${34 + i * 15}" font-family="Liberation Mono" font-size="11" fill="${random.pick(['#9cdcfe', '#ce9178', '#c586c0', '#d4d4d4'])}">${code.replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</text>`;
  };
  return page(
    480,
    320,
    '#1e1e1e',
    bar(0, 0, 480, 18, '#333333') + bar(0, 18, 34, 302, '#252526') + Array.from({ length: 18 }, line).join(''),
  );
}

function barChart(random: SeededRandom): string {
  const bars = Array.from({ length: 9 }, (_, i) => {
    const tall = random.between(30, 190);
    return bar(50 + i * 38, 250 - tall, 26, tall, random.pick(['#4e79a7', '#59a14f', '#f28e2b'])) + small(52 + i * 38, 266, `Q${i + 1}`);
  });
  const lines = Array.from(
    { length: 5 },
    (_, i) => bar(40, 50 + i * 50, 350, 1, '#cccccc') + small(10, 54 + i * 50, String(400 - i * 100)),
  );
  return page(420, 290, '#ffffff', lines.join('') + bars.join('') + small(120, 24, 'Revenue by quarter, thousands'));
}

function webPage(random: SeededRandom): string {
  const text = 'The committee met again on Tuesday to discuss the plans for the old harbour and its surroundings'.split(' ');
  const lines = Array.from({ length: 13 }, (_, i) => small(150, 84 + i * 16, random.shuffle(text).slice(0, 9).join(' ')));
  const menu = Array.from({ length: 6 }, (_, i) => small(14, 84 + i * 24, random.pick(['Home', 'News', 'Contact', 'Archive', 'Sign in'])));
  return page(560, 320, '#fbfbf8', bar(0, 0, 560, 50, '#0b5394') + bar(0, 50, 120, 270, '#e8eef4') + menu.join('') + lines.join(''));
}

function spreadsheet(random: SeededRandom): string {
  const cells = Array.from({ length: 15 * 6 }, (_, i) => {
    const [x, y] = [(i % 6) * 70 + 8, Math.floor(i / 6) * 20 + 34];
    return small(x, y, i < 6 ? random.pick(['Item', 'Price', 'Tax', 'Sum']) : random.between(1, 900).toFixed(2));
  });
  const rules = Array.from({ length: 16 }, (_, i) => bar(0, 20 + i * 20, 420, 1, '#d0d0d0')).concat(
    Array.from({ length: 6 }, (_, i) => bar(i * 70, 20, 1, 300, '#d0d0d0')),
  );
  return page(420, 320, '#ffffff', bar(0, 0, 420, 20, '#217346') + rules.join('') + cells.join(''));
}

function small(x: number, y: number, text: string): string {
  return `<text x="${x}" y="${y}" font-family="Liberation Sans" font-size="11" fill="#333333">${text}</text>`;
}
