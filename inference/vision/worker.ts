/** A worker thread that prepares pictures, one at a time. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { pixelValues } from './pixel-values.ts';
import type { ImagePlan } from './processor-config.ts';

/** What a worker is asked; `data` is `[height, width, 3]`. */
export interface PixelJob {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<SharedArrayBuffer>;
  readonly plan: ImagePlan;
}

/** What it answers. */
export type PixelResult = { readonly values: Float32Array<ArrayBuffer> } | { readonly error: string };

/** Pictures give way to the event loop and the model, which more requests wait for. */
const niceness = 10;
// Only on Linux a priority is of a thread; elsewhere it is the whole process's.
if (process.platform === 'linux') setPriority(niceness);

parentPort?.on('message', ({ width, height, data, plan }: PixelJob) => {
  try {
    const values = pixelValues({ width, height, data }, plan);
    parentPort?.postMessage({ values } satisfies PixelResult, [values.buffer]);
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) } satisfies PixelResult);
  }
});
