/** Reads how a checkpoint wants its pictures: `preprocessor_config.json`, or the same nested in `processor_config.json`. */
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { isObject, type JsonObject, readJsonObject } from '../json-file.ts';
import type { Resample } from './resize.ts';

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** How a picture gets its size; `longest` caps the long edge, as DETR's processors do. */
export type ResizeRule =
  | { readonly kind: 'exact'; readonly size: Size }
  | { readonly kind: 'shortest-edge'; readonly edge: number; readonly longest: number | null }
  | { readonly kind: 'within'; readonly size: Size };

/** All that a picture goes through, in this order; plain data, so that it can be sent to a worker. */
export interface ImagePlan {
  /** Colour (0…255 a channel) of the square that the picture is centred on first, or null. */
  readonly square: readonly number[] | null;
  readonly resize: ResizeRule | null;
  readonly resample: Resample;
  readonly crop: Size | null;
  /** Value of each 8-bit level, for each channel: `[3][256]`. */
  readonly levels: readonly Float32Array[];
  /** Size of what the model gets; a smaller picture is padded with zeros on the right and at the bottom. */
  readonly output: Size;
}

const openaiClip = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };
const standard = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

interface Defaults {
  readonly size: JsonObject;
  readonly crop: boolean;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** `do_pad` centres the picture on a square of the mean colour, rather than padding what comes out. */
  readonly padsToSquare?: boolean;
}

/** What transformers takes for a field that the file does not have. */
const processors: Readonly<Record<string, Defaults>> = {
  CLIPImageProcessor: { size: { shortest_edge: 224 }, crop: true, ...openaiClip },
  LlavaImageProcessor: { size: { shortest_edge: 224 }, crop: true, ...openaiClip, padsToSquare: true },
  SiglipImageProcessor: { size: { height: 224, width: 224 }, crop: false, ...standard },
};

/** @throws CheckpointError if there is no such file, or if what it asks for cannot be done */
export async function readImagePlan(checkpointFolder: string): Promise<ImagePlan> {
  for (const file of ['preprocessor_config.json', 'processor_config.json']) {
    const config = await readJsonObject(checkpointFolder, file);
    const processor = isObject(config?.['image_processor']) ? config['image_processor'] : config;
    if (processor === null || (file === 'processor_config.json' && processor === config)) continue;
    try {
      return planFrom(processor);
    } catch (error) {
      throw new CheckpointError(`${join(checkpointFolder, file)}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  throw new CheckpointError(`${checkpointFolder}: no preprocessor_config.json; a vision-language model needs one to prepare its pictures`);
}

/** @throws Error that says what the configuration has and what was expected */
export function planFrom(config: JsonObject): ImagePlan {
  const name = text(config['image_processor_type'] ?? config['feature_extractor_type'] ?? 'CLIPImageProcessor').replace(/(Fast|Pil)$/, '');
  const defaults = processors[name.replace('FeatureExtractor', 'ImageProcessor')];
  if (!defaults) throw new Error(`image_processor_type "${name}" is not supported; expected one of ${Object.keys(processors).join(', ')}`);
  const flag = (field: string, fallback: boolean) => (typeof config[field] === 'boolean' ? config[field] : fallback);

  const mean = channels(config['image_mean'] ?? defaults.mean, 'image_mean');
  const std = channels(config['image_std'] ?? defaults.std, 'image_std');
  const resize = flag('do_resize', true) ? resizeRule(config['size'] ?? defaults.size) : null;
  const crop = flag('do_center_crop', defaults.crop) ? exactSize(config['crop_size'] ?? { height: 224, width: 224 }, 'crop_size') : null;
  const pad = flag('do_pad', false);
  const padTo = pad && !defaults.padsToSquare && isObject(config['pad_size']) ? exactSize(config['pad_size'], 'pad_size') : null;
  const output = padTo ?? crop ?? (resize?.kind === 'exact' ? resize.size : null);
  if (output === null)
    throw new Error('pictures would come out in different sizes; expected do_center_crop or a "size" with height and width');
  const before = crop ?? (resize?.kind === 'exact' ? resize.size : null);
  if (before === null || before.height > output.height || before.width > output.width) {
    throw new Error('"pad_size" is smaller than the picture that it should pad');
  }
  return {
    square: pad && defaults.padsToSquare ? mean.map((m) => Math.trunc(m * 255)) : null,
    resize,
    resample: resampleOf(config['resample'] ?? 3),
    crop,
    levels: levelsOf(
      flag('do_rescale', true) ? number(config['rescale_factor'] ?? 1 / 255) : null,
      flag('do_normalize', true) ? { mean, std } : null,
    ),
    output,
  };
}

/** As numpy computes them: scaled in float64 and rounded to float32, then shifted and divided in float32. */
function levelsOf(scale: number | null, normal: { mean: readonly number[]; std: readonly number[] } | null): Float32Array[] {
  return [0, 1, 2].map((channel) =>
    Float32Array.from({ length: 256 }, (_, level) => {
      const value = Math.fround(scale === null ? level : level * scale);
      if (normal === null) return value;
      return Math.fround(Math.fround(value - Math.fround(normal.mean[channel] ?? 0)) / Math.fround(normal.std[channel] ?? 1));
    }),
  );
}

const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

function number(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`expected a number, found ${JSON.stringify(value)}`);
  return value;
}

function edge(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 4096) {
    throw new Error(`"${field}" has ${JSON.stringify(value)}; expected a whole number of pixels from 1 to 4096`);
  }
  return value;
}

function channels(value: unknown, field: string): number[] {
  const list = Array.isArray(value) ? value : [value, value, value];
  if (list.length !== 3) throw new Error(`"${field}" has ${list.length} channels; expected 3`);
  return list.map(number);
}

function resampleOf(value: unknown): Resample {
  if (value !== 0 && value !== 1 && value !== 2 && value !== 3 && value !== 4 && value !== 5) {
    throw new Error(`"resample" is ${JSON.stringify(value)}; expected one of Pillow's filters, 0 to 5`);
  }
  return value;
}

/** A number is a square, a list is height and width. */
function exactSize(value: unknown, field: string): Size {
  if (typeof value === 'number') return { height: edge(value, field), width: edge(value, field) };
  if (Array.isArray(value)) return { height: edge(value[0], field), width: edge(value[1], field) };
  if (!isObject(value)) throw new Error(`"${field}" is ${JSON.stringify(value)}; expected height and width`);
  return { height: edge(value['height'], field), width: edge(value['width'], field) };
}

/** A bare number is the shortest edge: none of the processors above defaults to a square. */
function resizeRule(value: unknown): ResizeRule {
  if (typeof value === 'number') return { kind: 'shortest-edge', edge: edge(value, 'size'), longest: null };
  if (isObject(value) && 'shortest_edge' in value && value['shortest_edge'] !== null) {
    const longest = value['longest_edge'] ?? null;
    return { kind: 'shortest-edge', edge: edge(value['shortest_edge'], 'size'), longest: longest === null ? null : edge(longest, 'size') };
  }
  if (isObject(value) && 'max_height' in value && value['max_height'] !== null) {
    return { kind: 'within', size: { height: edge(value['max_height'], 'size'), width: edge(value['max_width'], 'size') } };
  }
  return { kind: 'exact', size: exactSize(value, 'size') };
}
