/**
 * Reads and writes GGUF files, the format of llama.cpp: a head of typed values, a table of tensors, then their bytes.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { type GgufEntry, GgufReader, GgufWriter } from './gguf-bytes.ts';

export interface GgufTensor {
  readonly name: string;
  /** Fastest dimension first: a matrix is `[inFeatures, outFeatures]`. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly data: Uint8Array;
}

export interface Gguf {
  readonly metadata: ReadonlyMap<string, GgufEntry>;
  readonly tensors: readonly GgufTensor[];
}

/** ggml's number of an encoding, and how many bytes a block of how many values takes. */
const encodings = {
  F32: { id: 0, values: 1, bytes: 4 },
  F16: { id: 1, values: 1, bytes: 2 },
  Q4_0: { id: 2, values: 32, bytes: 18 },
  Q4_1: { id: 3, values: 32, bytes: 20 },
  Q8_0: { id: 8, values: 32, bytes: 34 },
} as const;

type TensorType = keyof typeof encodings;

const magic = 0x46554747;
const version = 3;
/** Where tensors begin, counted from the end of the head, when the file does not say otherwise. */
const defaultAlignment = 32;

const aligned = (position: number) => Math.ceil(position / defaultAlignment) * defaultAlignment;

function bytesOf(type: TensorType, shape: readonly number[]): number {
  const { values, bytes } = encodings[type];
  return (shape.reduce((product, side) => product * side, 1) / values) * bytes;
}

/** @returns views into `bytes`. @throws Error for another version or an encoding that is not in the table */
export function readGguf(bytes: Buffer): Gguf {
  const reader = new GgufReader(bytes);
  if (reader.uint32() !== magic) throw new Error('This is no GGUF file.');
  const found = reader.uint32();
  if (found !== version) throw new Error(`GGUF version ${found} cannot be read, only ${version}.`);
  const tensorCount = reader.count();
  const entryCount = reader.count();
  const metadata = new Map<string, GgufEntry>();
  for (let i = 0; i < entryCount; i++) metadata.set(reader.text(), reader.entry());
  const heads = Array.from({ length: tensorCount }, () => {
    const name = reader.text();
    const shape = Array.from({ length: reader.uint32() }, () => reader.count());
    const id = reader.uint32();
    const type = (Object.keys(encodings) as TensorType[]).find((key) => encodings[key].id === id);
    if (type === undefined) throw new Error(`The tensor ${name} is encoded in a way (${id}) that is not in the table.`);
    return { name, shape, type, offset: reader.count() };
  });
  const start = aligned(reader.position);
  const tensors = heads.map(({ name, shape, type, offset }) => {
    const data = bytes.subarray(start + offset, start + offset + bytesOf(type, shape));
    return { name, shape, type, data };
  });
  return { metadata, tensors };
}

/** @returns the file in pieces, to be written one after the other */
export function writeGguf({ metadata, tensors }: Gguf): Uint8Array[] {
  const head = new GgufWriter();
  head.uint32(magic);
  head.uint32(version);
  head.uint64(tensors.length);
  head.uint64(metadata.size);
  for (const [key, entry] of metadata) {
    head.text(key);
    head.entry(entry);
  }
  let offset = 0;
  for (const { name, shape, type, data } of tensors) {
    const expected = bytesOf(type, shape);
    if (data.length !== expected) throw new RangeError(`The tensor ${name} has ${data.length} bytes, expected ${expected}.`);
    head.text(name);
    head.uint32(shape.length);
    for (const side of shape) head.uint64(side);
    head.uint32(encodings[type].id);
    head.uint64(offset);
    offset = aligned(offset + data.length);
  }
  const padded = (piece: Uint8Array) => [piece, new Uint8Array(aligned(piece.length) - piece.length)];
  return [head.bytes(), ...tensors.map(({ data }) => data)].flatMap(padded);
}
