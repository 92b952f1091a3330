/** Resizes 8-bit RGB pictures to the very bits that Pillow's `Image.resize` gives (src/libImaging/Resample.c, Geometry.c). */

/** Pillow's numbers for its filters, as `preprocessor_config.json` has them in `resample`. */
export type Resample = 0 | 1 | 2 | 3 | 4 | 5;

/** Left, top, width and height in pixels; may reach beyond the picture, where it is black. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]` */
  readonly data: Uint8Array;
}

interface Filter {
  /** Half the width of the filter, in source pixels at scale 1. */
  readonly support: number;
  weight(x: number): number;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

const filters: Readonly<Record<Exclude<Resample, 0>, Filter>> = {
  1: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { support: 2, weight: bicubic },
  4: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  5: { support: 1, weight: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(x * Math.PI))) },
};

function bicubic(signed: number): number {
  const a = -0.5;
  const x = Math.abs(signed);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Weights are fixed-point numbers with this many bits behind the point. */
const precisionBits = 32 - 8 - 2;
const half = 1 << (precisionBits - 1);

interface Kernel {
  /** First source pixel of each output pixel. */
  readonly first: Int32Array;
  /** Number of source pixels of each. */
  readonly count: Int32Array;
  /** `[output pixels, taps]` */
  readonly weights: Int32Array;
  readonly taps: number;
}

/** Weights for the output pixels `from … from + length - 1` of a line of `source` pixels resized to `target`. */
function kernelFor(filter: Filter, source: number, target: number, from: number, length: number): Kernel {
  const scale = source / target;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const kernel = { first: new Int32Array(length), count: new Int32Array(length), weights: new Int32Array(length * taps), taps };
  const exact = new Float64Array(taps);
  for (let i = 0; i < length; i++) {
    const center = (from + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(source, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = filter.weight((k + first - center + 0.5) * (1 / stretch));
      exact[k] = weight;
      sum += weight;
    }
    kernel.first[i] = first;
    kernel.count[i] = count;
    for (let k = 0; k < count; k++) {
      const weight = ((exact[k] ?? 0) / (sum === 0 ? 1 : sum)) * (1 << precisionBits);
      kernel.weights[i * taps + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return kernel;
}

/**
 * The part `window` of the picture resized to `target`, without computing the rest of it.
 * @returns `[window.height, window.width, 3]`
 */
export function resizeWindow(source: Pixels, target: { width: number; height: number }, window: Window, resample: Resample): Uint8Array {
  const out = new Uint8Array(window.width * window.height * 3);
  // The part of the window that lies inside the resized picture.
  const left = Math.max(0, window.left);
  const top = Math.max(0, window.top);
  const width = Math.min(target.width, window.left + window.width) - left;
  const height = Math.min(target.height, window.top + window.height) - top;
  if (width <= 0 || height <= 0) return out;
  const inner = { left, top, width, height };
  const part = resample === 0 ? nearest(source, target, inner) : filtered(source, target, inner, filters[resample]);
  for (let y = 0; y < height; y++) {
    const to = ((top - window.top + y) * window.width + (left - window.left)) * 3;
    out.set(part.subarray(y * width * 3, (y + 1) * width * 3), to);
  }
  return out;
}

/**
 * Two passes, each rounded to 8 bits; one that changes no size is left out. Pillow 13 takes the columns first if the
 * height shrinks by much more than the width; Pillow 12 always takes the rows first, which gives a level more or less here and there.
 */
function filtered(source: Pixels, target: { width: number; height: number }, window: Window, filter: Filter): Uint8Array {
  const { left, top, width, height } = window;
  const horizontal = source.width === target.width ? null : kernelFor(filter, source.width, target.width, left, width);
  const vertical = source.height === target.height ? null : kernelFor(filter, source.height, target.height, top, height);
  if (horizontal === null) return vertical === null ? cut(source, window) : alongColumns(source, left, width, vertical, 0).data;
  if (vertical === null) return alongRows(source, top, height, horizontal, 0).data;
  const shrinksInHeight = target.height < source.height && source.height - target.height > 2 * (source.width - target.width);
  if (shrinksInHeight) {
    const { from, length } = reach(horizontal);
    return alongRows(alongColumns(source, from, length, vertical, 0), 0, height, horizontal, from).data;
  }
  const { from, length } = reach(vertical);
  return alongColumns(alongRows(source, from, length, horizontal, 0), 0, width, vertical, from).data;
}

/** The source pixels of a line that a kernel reads. */
function reach({ first, count }: Kernel): { from: number; length: number } {
  const from = first[0] as number;
  const last = first.length - 1;
  return { from, length: (first[last] as number) + (count[last] as number) - from };
}

function cut(source: Pixels, { left, top, width, height }: Window): Uint8Array {
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * source.width + left) * 3;
    out.set(source.data.subarray(from, from + width * 3), y * width * 3);
  }
  return out;
}

/** Filters `rows` lines from `firstRow` on; `origin` is the column that the source's first pixel has for the kernel. */
function alongRows(source: Pixels, firstRow: number, rows: number, kernel: Kernel, origin: number): Pixels {
  const { data } = source;
  const { first, count, weights, taps } = kernel;
  const width = first.length;
  const out = new Uint8ClampedArray(rows * width * 3);
  let to = 0;
  for (let y = 0; y < rows; y++) {
    const row = (firstRow + y) * source.width - origin;
    for (let x = 0; x < width; x++) {
      let from = (row + (first[x] as number)) * 3;
      const end = x * taps + (count[x] as number);
      let red = half;
      let green = half;
      let blue = half;
      for (let k = x * taps; k < end; k++) {
        const weight = weights[k] as number;
        red = (red + (data[from] as number) * weight) | 0;
        green = (green + (data[from + 1] as number) * weight) | 0;
        blue = (blue + (data[from + 2] as number) * weight) | 0;
        from += 3;
      }
      out[to] = red >> precisionBits;
      out[to + 1] = green >> precisionBits;
      out[to + 2] = blue >> precisionBits;
      to += 3;
    }
  }
  return { width, height: rows, data: new Uint8Array(out.buffer) };
}

/** Filters `columns` columns from `firstColumn` on; `origin` is the row that the source's first line has for the kernel. */
function alongColumns(source: Pixels, firstColumn: number, columns: number, kernel: Kernel, origin: number): Pixels {
  const { data } = source;
  const { first, count, weights, taps } = kernel;
  const height = first.length;
  const stride = columns * 3;
  const out = new Uint8ClampedArray(height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let k = 0; k < (count[y] as number); k++) {
      const weight = weights[y * taps + k] as number;
      const line = (((first[y] as number) - origin + k) * source.width + firstColumn) * 3;
      for (let i = 0; i < stride; i++) sums[i] = ((sums[i] as number) + (data[line + i] as number) * weight) | 0;
    }
    const to = y * stride;
    for (let i = 0; i < stride; i++) out[to + i] = (sums[i] as number) >> precisionBits;
  }
  return { width: columns, height, data: new Uint8Array(out.buffer) };
}

/** Geometry.c, `ImagingScaleAffine`: positions are summed up, not multiplied, and so carry its rounding. */
function nearest(source: Pixels, target: { width: number; height: number }, window: Window): Uint8Array {
  const positions = (size: number, scaled: number, from: number, length: number) => {
    const step = size / scaled;
    const list = new Int32Array(length);
    let at = step * 0.5;
    for (let i = 0; i < from + length; i++) {
      if (i >= from) list[i - from] = Math.min(size - 1, Math.trunc(at));
      at += step;
    }
    return list;
  };
  const xs = positions(source.width, target.width, window.left, window.width);
  const ys = positions(source.height, target.height, window.top, window.height);
  const out = new Uint8Array(window.width * window.height * 3);
  let to = 0;
  for (const y of ys) {
    for (const x of xs) {
      const from = (y * source.width + x) * 3;
      out.set(source.data.subarray(from, from + 3), to);
      to += 3;
    }
  }
  return out;
}
