/** A scene as SVG: another renderer (librsvg) and other outlines than the training pictures have. */
import { hex } from './colours.ts';
import type { Background, Drawn, DrawnShape, DrawnText, Scene, ShapeName } from './world.ts';

export function sceneSvg(scene: Scene): string {
  const { width, height } = scene;
  const body = scene.objects.map(drawn).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${backdrop(scene.background, width, height)}${body}</svg>`;
}

function backdrop(behind: Background, width: number, height: number): string {
  const [first, second] = behind.tones.map(hex) as [string, string];
  const cover = (fill: string, more = '') => `<rect width="${width}" height="${height}" fill="${fill}"${more}/>`;
  switch (behind.kind) {
    case 'plain':
      return cover(first);
    case 'graded': {
      const gradient = behind.angle < 120 ? 'linearGradient' : 'radialGradient';
      const turn = behind.angle < 120 ? ` gradientTransform="rotate(${behind.angle} 0.5 0.5)"` : '';
      const stops = `<stop offset="0" stop-color="${first}"/><stop offset="1" stop-color="${second}"/>`;
      return `<defs><${gradient} id="b"${turn}>${stops}</${gradient}></defs>${cover('url(#b)')}`;
    }
    case 'striped': {
      const step = Math.round((0.05 + behind.seed / 9999 / 12) * Math.min(width, height)) * 2;
      const stripe = `<rect width="${step}" height="${step}" fill="${first}"/><rect width="${step / 2}" height="${step}" fill="${second}"/>`;
      const pattern = `<pattern id="b" width="${step}" height="${step}" patternUnits="userSpaceOnUse" patternTransform="rotate(${behind.angle})">${stripe}</pattern>`;
      return `<defs>${pattern}</defs>${cover('url(#b)')}`;
    }
    case 'noisy': {
      // The alpha channel of the turbulence lays the second tone over the first in grains.
      const grain = `<feTurbulence type="fractalNoise" baseFrequency="0.6" numOctaves="2" seed="${behind.seed}"/>`;
      const [r, g, b] = behind.tones[1].map((c) => (c / 255).toFixed(3)) as [string, string, string];
      const ink = `<feColorMatrix values="0 0 0 0 ${r} 0 0 0 0 ${g} 0 0 0 0 ${b} 2 0 0 0 -0.5"/>`;
      return `<defs><filter id="b" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">${grain}${ink}</filter></defs>${cover(first)}${cover(first, ' filter="url(#b)"')}`;
    }
  }
}

function drawn(object: Drawn): string {
  const at = `translate(${object.x.toFixed(1)} ${object.y.toFixed(1)}) rotate(${object.turn.toFixed(1)})`;
  return `<g transform="${at}">${object.kind === 'shape' ? shape(object) : text(object)}</g>`;
}

/** Outlines in a box from -50 to 50. */
const outlines: Record<ShapeName, string> = {
  circle: 'M-50 0A50 50 0 1 1 50 0A50 50 0 1 1 -50 0Z',
  square: 'M-45 -45H45V45H-45Z',
  triangle: 'M0 -48L50 42H-50Z',
  star: fivePoints(),
  diamond: 'M0 -50L50 0L0 50L-50 0Z',
  heart:
    'M0 47C-18 28 -50 8 -50 -18C-50 -34 -38 -45 -25 -45C-13 -45 -4 -37 0 -27C4 -37 13 -45 25 -45C38 -45 50 -34 50 -18C50 8 18 28 0 47Z',
  cross: 'M-16 -50H16V-16H50V16H16V50H-16V16H-50V-16H-16Z',
};

function fivePoints(): string {
  const points = Array.from({ length: 10 }, (_, i) => {
    const reach = i % 2 === 0 ? 50 : 20;
    const angle = (i * Math.PI) / 5;
    return `${(reach * Math.sin(angle)).toFixed(1)} ${(-reach * Math.cos(angle)).toFixed(1)}`;
  });
  return `M${points.join('L')}Z`;
}

function shape(object: DrawnShape): string {
  const colour = hex(object.rgb);
  const edge = hex([object.rgb[0] * 0.55, object.rgb[1] * 0.55, object.rgb[2] * 0.55]);
  const paint = {
    filled: `fill="${colour}"`,
    outlined: `fill="none" stroke="${colour}" stroke-width="12" stroke-linejoin="round"`,
    bordered: `fill="${colour}" stroke="${edge}" stroke-width="4" stroke-linejoin="round"`,
  }[object.style];
  return `<path transform="scale(${(object.width / 100).toFixed(3)} ${(object.height / 100).toFixed(3)})" d="${outlines[object.shape]}" ${paint}/>`;
}

function text(object: DrawnText): string {
  const weight = object.bold ? ' font-weight="bold"' : '';
  // A capital is about 0.7 em tall: half of that below the centre puts its middle there.
  return `<text text-anchor="middle" y="${(object.size * 0.35).toFixed(1)}" font-family="${object.font}" font-size="${object.size.toFixed(1)}"${weight} fill="${hex(object.rgb)}">${object.text}</text>`;
}
