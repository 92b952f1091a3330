/** Writes a safetensors file of bfloat16 tensors, one tensor in memory at a time. */
import { open } from 'node:fs/promises';

export interface Bfloat16Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  values(): Uint16Array<ArrayBuffer>;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);

/** 8 bytes of header length, the JSON header, then the tensors one after the other. @throws RangeError if values do not fit a shape */
export async function writeSafetensors(path: string, tensors: readonly Bfloat16Tensor[]): Promise<void> {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const { name, shape } of tensors) {
    const bytes = 2 * sizeOf(shape);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await using file = await open(path, 'w');
  await file.writeFile(Buffer.concat([length, text]));
  for (const { name, shape, values } of tensors) {
    const content = values();
    if (content.length !== sizeOf(shape)) throw new RangeError(`${name} has ${content.length} values, expected [${shape.join(', ')}].`);
    await file.writeFile(new Uint8Array(content.buffer, content.byteOffset, content.byteLength));
  }
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The upper half of a float32, rounded to nearest, ties to even. */
export function bfloat16(value: number): number {
  float[0] = value;
  const word = bits[0] ?? 0;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** What a bfloat16 stands for. */
export function ofBfloat16(half: number): number {
  bits[0] = half << 16;
  return float[0] ?? 0;
}
