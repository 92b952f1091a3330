/** A thread that decodes one picture that sharp cannot read, so that the event loop need not. */
import { parentPort, workerData } from 'node:worker_threads';
import { decodeBmp } from './bmp.ts';
import { decodePnm } from './pnm.ts';

const { format, bytes }: { format: 'bmp' | 'pnm'; bytes: Uint8Array } = workerData;
const raster = format === 'bmp' ? decodeBmp(bytes) : decodePnm(bytes);
parentPort?.postMessage(raster, [raster.data.buffer]);
