/** What the clients of the benchmark ask for: of a decoder of a size that matters, and of the embedded model with pictures. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Prompt, RgbImage } from '../../inference/types.ts';
import { palette, scattered } from '../eval/compose.ts';
import { sceneSvg } from '../eval/svg.ts';
import { shapeNames } from '../eval/world.ts';
import { projectRoot } from '../tools/project.ts';
import { SeededRandom } from '../tools/random.ts';
import { llama135m, writeRandomLlama } from './random-llama.ts';

/** The same request for the library and for HTTP. */
export interface Asked {
  readonly prompt: Prompt;
  readonly path: '/v1/completions' | '/v1/chat/completions';
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Workload {
  readonly name: string;
  readonly describes: string;
  readonly checkpoint: string;
  readonly quantization: 'auto' | 'int4';
  readonly maxModelLen: number;
  readonly maxTokens: number;
  /** Length of the prompts whose prefill is measured, or null when prefill is not measured apart. */
  readonly prefillTokens: number | null;
  /** Writes the checkpoint if it has to be made. */
  prepare(): Promise<void>;
  /** Different numbers give different prompts, so that no cache answers. */
  ask(number: number): Promise<Asked>;
}

export const cacheFolder = () => join(projectRoot(), '.cache', 'bench');

const randomLlama: Workload = {
  name: 'llama-135m',
  describes: 'random weights in the shape of a 135 M-parameter Llama, int4; 32 tokens in, 128 out',
  checkpoint: join(cacheFolder(), 'llama-135m-8k'),
  quantization: 'int4',
  maxModelLen: 1024,
  maxTokens: 128,
  prefillTokens: 576,
  prepare: () => writeRandomLlama(randomLlama.checkpoint, llama135m),
  ask: async (number) => ofTokens(number, 32),
};

const tinyWithPictures: Workload = {
  name: 'firellava-tiny',
  describes: 'the embedded model as it is served; one new picture and a question in, a description out',
  checkpoint: join(projectRoot(), 'inference', 'checkpoints', 'firellava-tiny'),
  quantization: 'auto',
  maxModelLen: 512,
  maxTokens: 64,
  prefillTokens: null,
  prepare: async () => undefined,
  async ask(number) {
    const image = await picture(number);
    const text = 'Describe the picture.';
    const { data, width, height } = image;
    const png = await sharp(data, { raw: { width, height, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const url = `data:image/png;base64,${png.toString('base64')}`;
    const content = [
      { type: 'image_url', image_url: { url } },
      { type: 'text', text },
    ];
    return {
      prompt: {
        kind: 'chat',
        addGenerationPrompt: true,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image', image },
              { type: 'text', text },
            ],
          },
        ],
      },
      path: '/v1/chat/completions',
      body: { messages: [{ role: 'user', content }] },
    };
  },
};

export const workloads: readonly Workload[] = [randomLlama, tinyWithPictures];

export function ofTokens(number: number, length: number): Asked {
  const random = new SeededRandom(number + 1);
  const ids = Array.from({ length }, () => random.whole(10, llama135m.vocab - 1));
  return { prompt: { kind: 'tokens', ids, images: [] }, path: '/v1/completions', body: { prompt: ids } };
}

const drawn = new Map<number, Promise<Buffer>>();
const side = 300;

/** Twelve drawings; each number differs from all others in its first pixel. */
async function picture(number: number): Promise<RgbImage> {
  const kind = number % 12;
  const base = drawn.get(kind) ?? draw(kind);
  drawn.set(kind, base);
  const data = new Uint8Array(await base);
  data.set([number & 255, (number >> 8) & 255, (number >> 16) & 255]);
  return { width: side, height: side, data, hash: createHash('sha256').update(data).digest('hex') };
}

function draw(kind: number): Promise<Buffer> {
  const random = new SeededRandom(kind);
  const { behind, colours } = palette(3, random);
  const things = colours.map((colour) => ({ colour, shape: random.pick(shapeNames) }));
  const svg = sceneSvg(scattered(things, behind, random));
  return sharp(Buffer.from(svg)).resize(side, side, { fit: 'fill' }).removeAlpha().raw().toBuffer();
}
