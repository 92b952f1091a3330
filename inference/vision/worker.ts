/** A worker thread that prepares pictures, one at a time. */
import { parentPort } from 'node:worker_threads';
import { pixelValues } from './pixel-values.ts';
import type { ImagePlan } from './processor-config.ts';

/** What a worker is asked. `data` is shared memory: `[height, width, 3]`. */
export interface PixelJob {
  readonly width: number;
  readonly height: number;
  readonly data: SharedArrayBuffer;
  readonly plan: ImagePlan;
}

/** What it answers. */
export type PixelResult = { readonly values: Float32Array<ArrayBuffer> } | { readonly error: string };

parentPort?.on('message', ({ width, height, data, plan }: PixelJob) => {
  try {
    const values = pixelValues({ width, height, data: new Uint8Array(data) }, plan);
    parentPort?.postMessage({ values } satisfies PixelResult, [values.buffer]);
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) } satisfies PixelResult);
  }
});
