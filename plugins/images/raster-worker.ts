/** A thread that decodes one picture that sharp cannot read, so that the event loop need not. */
import { parentPort, workerData } from 'node:worker_threads';
import { decodeBmp } from './bmp.ts';
import { decodePnm } from './pnm.ts';

/** `workerData` of the thread; it answers with a `Raster`, or fails. */
export interface RasterJob {
  readonly format: 'bmp' | 'pnm';
  readonly bytes: Uint8Array;
}

const { format, bytes }: RasterJob = workerData;
const raster = format === 'bmp' ? decodeBmp(bytes) : decodePnm(bytes);
parentPort?.postMessage(raster, [raster.data.buffer]);
