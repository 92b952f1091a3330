/** Writes a graph's large initialisers to one file, each at the start of a page, so that the runtime can map it. */
import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import type { SourceTensor } from './checkpoint.ts';
import { EncoderPool } from './encoder-pool.ts';
import type { Initializer } from './graph-builder.ts';
import { bytesPerRow, type RowJob, rowsOf } from './row-job.ts';
import { elementBytes } from './safetensors.ts';

const PAGE = 4096;
/** Bytes that are read and encoded, or computed, at a time: a few milliseconds of work. */
const CHUNK_BYTES = 512 * 1024;

export interface Placement {
  readonly offset: number;
  readonly byteLength: number;
}

/** Where everything in a weight file lies. */
export interface WeightLayout {
  /** Initialisers that are not here are written inline. */
  readonly places: ReadonlyMap<Initializer, Placement>;
  /** Each pass over checkpoint rows, with the offsets of its parts. */
  readonly jobs: ReadonlyMap<RowJob, readonly number[]>;
  readonly size: number;
  /** Bytes to be read from the checkpoint. */
  readonly sourceBytes: number;
}

export function placeInitializers(initializers: readonly Initializer[]): WeightLayout {
  const places = new Map<Initializer, Placement>();
  const jobs = new Map<RowJob, number[]>();
  let size = 0;
  for (const initializer of initializers) {
    const { data, shape } = initializer;
    if (data instanceof Uint8Array) continue;
    const byteLength = 'job' in data ? rowsOf(data.job) * partBytes(data.job, data.part) : rowBytes(shape) * (shape[0] ?? 0);
    places.set(initializer, { offset: size, byteLength });
    if ('job' in data) {
      const offsets = jobs.get(data.job) ?? [];
      offsets[data.part] = size;
      jobs.set(data.job, offsets);
    }
    size += Math.ceil(byteLength / PAGE) * PAGE;
  }
  const sources = [...jobs.keys()].flatMap((job) => job.sources);
  return { places, jobs, size, sourceBytes: sources.reduce((sum, source) => sum + source.elements * elementBytes[source.dtype], 0) };
}

/** @param options.onBytes is told of source bytes as they are done */
export async function writeWeightFile(
  path: string,
  { places, jobs, size, sourceBytes }: WeightLayout,
  options: { readonly onBytes?: (bytes: number) => void; readonly signal?: AbortSignal } = {},
): Promise<void> {
  await using resources = new Resources(sourceBytes);
  const out = await resources.open(path, 'w');
  await out.truncate(size);
  for (const [initializer, { offset }] of places) await writeGenerated(out, initializer, offset);
  const running = new Set<Promise<void>>();
  let failure: unknown;
  const finish = async (chunk: Chunk, parts: Promise<Uint8Array[]>) => {
    for (const [index, part] of (await parts).entries()) await writeAll(out, part, chunk.offsets[index] ?? 0);
    options.onBytes?.(chunk.byteLength);
  };
  try {
    for (const chunk of chunksOf(jobs)) {
      options.signal?.throwIfAborted();
      const bytes = await readChunk(await resources.open(chunk.source.path, 'r'), chunk);
      const parts = resources.pool.encode(bytes, chunk.source.dtype, chunk.job.columns, chunk.job.encoding);
      const task: Promise<void> = finish(chunk, parts)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= resources.pool.concurrency) await Promise.race(running);
      if (failure) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failure) throw failure;
  await out.sync();
}

interface Chunk {
  readonly job: RowJob;
  readonly source: SourceTensor;
  /** Where in the source file, in bytes. */
  readonly position: number;
  readonly byteLength: number;
  /** Where the chunk's rows go, for each part. */
  readonly offsets: readonly number[];
}

function* chunksOf(jobs: ReadonlyMap<RowJob, readonly number[]>): Generator<Chunk> {
  for (const [job, starts] of jobs) {
    const partSizes = bytesPerRow(job.columns, job.encoding);
    let row = 0;
    for (const source of job.sources) {
      const rowBytes = job.columns * elementBytes[source.dtype];
      const rows = source.elements / job.columns;
      const step = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
      for (let first = 0; first < rows; first += step) {
        const count = Math.min(step, rows - first);
        const target = row + first;
        yield {
          job,
          source,
          position: source.offset + first * rowBytes,
          byteLength: count * rowBytes,
          offsets: starts.map((start, part) => start + target * (partSizes[part] ?? 0)),
        };
      }
      row += rows;
    }
  }
}

async function readChunk(input: FileHandle, chunk: Chunk): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(chunk.byteLength);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await input.read(bytes, done, bytes.length - done, chunk.position + done);
    if (bytesRead === 0) {
      throw new CheckpointError(`${chunk.source.path}: truncated while it was read, at byte ${chunk.position + done}`);
    }
    done += bytesRead;
  }
  return bytes;
}

async function writeAll(out: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) done += (await out.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
}

async function writeGenerated(out: FileHandle, { data, shape }: Initializer, offset: number): Promise<void> {
  if (!('generate' in data)) return;
  const [rows = 0] = shape;
  const step = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes(shape)));
  for (let first = 0; first < rows; first += step) {
    const { buffer } = data.generate(first, Math.min(step, rows - first));
    await writeAll(out, new Uint8Array(buffer), offset + first * rowBytes(shape));
  }
}

/** Bytes of a float32 row, along the first axis. */
function rowBytes(shape: readonly number[]): number {
  return shape.slice(1).reduce((product, size) => product * size, 4);
}

function partBytes(job: RowJob, part: number): number {
  return bytesPerRow(job.columns, job.encoding)[part] ?? 0;
}

/** The open files and threads of one pass. */
class Resources implements AsyncDisposable {
  readonly pool: EncoderPool;
  readonly #handles = new Map<string, FileHandle>();

  constructor(sourceBytes: number) {
    this.pool = new EncoderPool(sourceBytes);
  }

  async open(path: string, flags: 'r' | 'w'): Promise<FileHandle> {
    const handle = this.#handles.get(path) ?? (await open(path, flags));
    this.#handles.set(path, handle);
    return handle;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
    for (const handle of this.#handles.values()) await handle.close();
  }
}
