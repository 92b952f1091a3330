/**
 * Reads the header of a safetensors file: 8 bytes of length, JSON of that length, then the tensors' bytes.
 * @see https://github.com/huggingface/safetensors#format
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';

/** Element types that the compiler reads, and their bytes. */
export const elementBytes = { F32: 4, F16: 2, BF16: 2 } as const;
export type SourceType = keyof typeof elementBytes;

interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Position in the file, not in the data section. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly fileSize: number;
  /** The header's bytes as they stand in the file, part of the checkpoint's identity. */
  readonly bytes: Uint8Array;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** The format's own bound on the header. */
const MAX_HEADER_BYTES = 100_000_000;

/** @throws CheckpointError if the file is no safetensors file, is cut off, or its tensors do not cover its data byte by byte */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(`${file}: cannot be opened (${error.code ?? error.message})`, { cause: error });
  });
  try {
    const { size } = await handle.stat();
    if (size < 8) throw new CheckpointError(`${file}: truncated, expected a header of at least 8 bytes, found ${size} bytes in all`);
    const headerLength = Number((await readAt(handle, 0, 8)).readBigUInt64LE());
    if (headerLength > MAX_HEADER_BYTES) {
      throw new CheckpointError(`${file}: not a safetensors file, its header would take ${headerLength} bytes`);
    }
    if (8 + headerLength > size) {
      throw new CheckpointError(`${file}: truncated, its header ends at byte ${8 + headerLength}, but the file has ${size} bytes`);
    }
    const bytes = await readAt(handle, 8, headerLength);
    return { fileSize: size, bytes, tensors: parseTensors(file, bytes, 8 + headerLength, size) };
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await handle.read(buffer, 0, length, position);
  return buffer;
}

function parseTensors(file: string, header: Buffer, dataStart: number, fileSize: number): Map<string, TensorEntry> {
  let json: unknown;
  try {
    json = JSON.parse(header.toString('utf8'));
  } catch (error) {
    throw new CheckpointError(`${file}: its header is not JSON; the file is damaged or no safetensors file`, { cause: error });
  }
  const tensors = new Map<string, TensorEntry>();
  if (typeof json !== 'object' || json === null) throw new CheckpointError(`${file}: its header is not a JSON object`);
  for (const [name, entry] of Object.entries(json)) {
    if (name === '__metadata__') continue;
    const tensor = parseEntry(file, name, entry, dataStart);
    if (tensor.offset + tensor.byteLength > fileSize) {
      throw new CheckpointError(
        `${file}: truncated, tensor ${name} ends at byte ${tensor.offset + tensor.byteLength}, but the file has ${fileSize} bytes`,
      );
    }
    tensors.set(name, tensor);
  }
  checkCoverage(file, tensors, dataStart, fileSize);
  return tensors;
}

/** The format allows neither overlaps nor holes: each tensor begins where the one before ends. */
function checkCoverage(file: string, tensors: ReadonlyMap<string, TensorEntry>, dataStart: number, fileSize: number): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataStart;
  let before: string | null = null;
  for (const [name, { offset, byteLength }] of inOrder) {
    if (offset < end) throw new CheckpointError(`${file}: damaged, tensors ${before} and ${name} overlap from byte ${offset}`);
    if (offset > end) {
      const where = before === null ? `before tensor ${name}` : `between tensors ${before} and ${name}`;
      throw new CheckpointError(`${file}: damaged, the ${offset - end} bytes from byte ${end} ${where} belong to no tensor`);
    }
    end = offset + byteLength;
    before = name;
  }
  if (end !== fileSize) throw new CheckpointError(`${file}: its tensors end at byte ${end}, but the file has ${fileSize} bytes`);
}

function parseEntry(file: string, name: string, entry: unknown, dataStart: number): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  if (typeof dtype !== 'string' || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw new CheckpointError(`${file}: tensor ${name} has a malformed header entry, expected dtype, shape and two data_offsets`);
  }
  const [begin = 0, end = 0] = offsets;
  const perElement = elementBytes[dtype as SourceType];
  const expected = perElement && shape.reduce((product, size) => product * size, perElement);
  if (end < begin || (expected !== undefined && end - begin !== expected)) {
    throw new CheckpointError(
      `${file}: tensor ${name} takes ${end - begin} bytes, expected ${expected} for ${dtype} [${shape.join(', ')}]`,
    );
  }
  return { dtype, shape, offset: dataStart + begin, byteLength: end - begin };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
