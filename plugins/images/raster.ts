/** What the decoders of this folder give, and what they throw; their messages are for tests and logs, never for callers. */

export interface Raster {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`, transparent pixels composed on white. */
  readonly data: Uint8Array<ArrayBuffer>;
}

export interface RasterSize {
  readonly width: number;
  readonly height: number;
}

export class RasterError extends Error {}

/** @throws RasterError with `message` unless the condition holds */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new RasterError(message);
}
