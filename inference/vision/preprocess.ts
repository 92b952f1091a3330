/** Prepares pictures for the vision tower, off the event loop. */
import type { RgbImage } from '../types.ts';
import { readImagePlan, type Size } from './processor-config.ts';
import { WorkerPool } from './worker-pool.ts';

export interface Preprocessor {
  /** Size of the prepared pictures in pixels. */
  readonly size: Size;
  /**
   * Resizes, crops and normalises; leaves `image` as it is.
   * @returns `[3, size.height, size.width]`, equal to transformers' Pillow processors
   * @throws EngineFailure if a thread fails; ShuttingDown after `close`
   */
  run(image: RgbImage): Promise<Float32Array>;
  /** Ends the threads; rejects pictures that are not ready. */
  close(): Promise<void>;
}

/**
 * @param options.workers most threads to use, at least 1
 * @throws CheckpointError if the checkpoint's preprocessor configuration is missing or cannot be followed
 */
export async function createPreprocessor(checkpointFolder: string, options: { readonly workers: number }): Promise<Preprocessor> {
  const plan = await readImagePlan(checkpointFolder);
  const pool = new WorkerPool(Math.max(1, options.workers));
  return {
    size: plan.output,
    run: (image) => pool.run(image, plan),
    close: () => pool.close(),
  };
}
