/** Turns one picture into the numbers that the vision tower reads, as transformers' Pillow processors do. */
import type { ImagePlan, ResizeRule, Size } from './processor-config.ts';
import { type Pixels, resizeWindow } from './resize.ts';

/** @returns `[3, plan.output.height, plan.output.width]` */
export function pixelValues(image: Pixels, plan: ImagePlan): Float32Array<ArrayBuffer> {
  if (image.width < 1 || image.height < 1 || image.data.length !== image.width * image.height * 3) {
    throw new RangeError(`a picture of ${image.width}×${image.height} has ${image.data.length} bytes; expected 3 a pixel`);
  }
  const source = plan.square === null ? image : onSquare(image, plan.square);
  const resized = plan.resize === null ? source : sizeAfter(source, plan.resize);
  const window = plan.crop === null ? { ...resized, left: 0, top: 0 } : centred(resized, plan.crop);
  const pixels = resizeWindow(source, resized, window, plan.resample);

  const { height, width } = plan.output;
  const values = new Float32Array(3 * height * width);
  plan.levels.forEach((levels, channel) => {
    for (let y = 0; y < window.height; y++) {
      let from = y * window.width * 3 + channel;
      const to = (channel * height + y) * width;
      for (let x = 0; x < window.width; x++) {
        values[to + x] = levels[pixels[from] as number] as number;
        from += 3;
      }
    }
  });
  return values;
}

/** `image_transforms.center_crop`: the offset is rounded down; a smaller picture gets black borders. */
function centred(from: Size, crop: Size) {
  return { ...crop, left: Math.floor((from.width - crop.width) / 2), top: Math.floor((from.height - crop.height) / 2) };
}

function sizeAfter({ height, width }: Size, rule: ResizeRule): Size {
  switch (rule.kind) {
    case 'exact':
      return rule.size;
    case 'within': {
      const scale = Math.min(rule.size.height / height, rule.size.width / width);
      return { height: Math.max(1, Math.trunc(height * scale)), width: Math.max(1, Math.trunc(width * scale)) };
    }
    case 'shortest-edge': {
      const [short, long] = width <= height ? [width, height] : [height, width];
      if (rule.longest === null) return oriented(rule.edge, Math.trunc((rule.edge * long) / short), width <= height);
      return cappedSize(short, long, rule.edge, rule.longest, width <= height);
    }
  }
}

const oriented = (short: number, long: number, upright: boolean): Size =>
  upright ? { height: long, width: short } : { height: short, width: long };

/** `image_transforms.get_size_with_aspect_ratio` */
function cappedSize(short: number, long: number, edge: number, longest: number, upright: boolean): Size {
  const capped = (long / short) * edge > longest ? (longest * short) / long : null;
  const size = capped === null ? edge : roundHalfEven(capped);
  if (short === size) return oriented(short, long, upright);
  return oriented(size, Math.trunc(((capped ?? size) * long) / short), upright);
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** `LlavaImageProcessor.pad_to_square` */
function onSquare(image: Pixels, colour: readonly number[]): Pixels {
  if (image.width === image.height) return image;
  const edge = Math.max(image.width, image.height);
  const data = new Uint8Array(edge * edge * 3);
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3] ?? 0;
  const left = Math.floor((edge - image.width) / 2);
  const top = Math.floor((edge - image.height) / 2);
  for (let y = 0; y < image.height; y++) {
    data.set(image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3), ((top + y) * edge + left) * 3);
  }
  return { width: edge, height: edge, data };
}
