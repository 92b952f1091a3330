/** The bytes of a GGUF head: numbers, texts, and values that carry their type. */

export type GgufValue = number | bigint | boolean | string | readonly GgufValue[];

export interface GgufEntry {
  readonly type: number;
  /** Type of the elements of an array. */
  readonly of?: number;
  readonly value: GgufValue;
}

const text = 8;
const array = 9;

interface Scalar {
  readonly bytes: number;
  read(from: Buffer, at: number): GgufValue;
  write(to: Buffer, value: GgufValue): void;
}

/** Values of a fixed size, by the format's number of their type. */
const scalars: Readonly<Record<number, Scalar>> = {
  0: { bytes: 1, read: (from, at) => from.readUInt8(at), write: (to, value) => void to.writeUInt8(Number(value)) },
  1: { bytes: 1, read: (from, at) => from.readInt8(at), write: (to, value) => void to.writeInt8(Number(value)) },
  2: { bytes: 2, read: (from, at) => from.readUInt16LE(at), write: (to, value) => void to.writeUInt16LE(Number(value)) },
  3: { bytes: 2, read: (from, at) => from.readInt16LE(at), write: (to, value) => void to.writeInt16LE(Number(value)) },
  4: { bytes: 4, read: (from, at) => from.readUInt32LE(at), write: (to, value) => void to.writeUInt32LE(Number(value)) },
  5: { bytes: 4, read: (from, at) => from.readInt32LE(at), write: (to, value) => void to.writeInt32LE(Number(value)) },
  6: { bytes: 4, read: (from, at) => from.readFloatLE(at), write: (to, value) => void to.writeFloatLE(Number(value)) },
  7: { bytes: 1, read: (from, at) => from.readUInt8(at) !== 0, write: (to, value) => void to.writeUInt8(value ? 1 : 0) },
  10: { bytes: 8, read: (from, at) => from.readBigUInt64LE(at), write: (to, value) => void to.writeBigUInt64LE(BigInt(value as bigint)) },
  11: { bytes: 8, read: (from, at) => from.readBigInt64LE(at), write: (to, value) => void to.writeBigInt64LE(BigInt(value as bigint)) },
  12: { bytes: 8, read: (from, at) => from.readDoubleLE(at), write: (to, value) => void to.writeDoubleLE(Number(value)) },
};

function scalarOf(type: number): Scalar {
  const scalar = scalars[type];
  if (scalar === undefined) throw new Error(`GGUF has no values of type ${type}.`);
  return scalar;
}

export class GgufReader {
  readonly #bytes: Buffer;
  position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint32(): number {
    return Number(this.#scalar(4));
  }

  /** A 64-bit number that is small. */
  count(): number {
    return Number(this.#scalar(10));
  }

  text(): string {
    const length = this.count();
    this.position += length;
    return this.#bytes.toString('utf8', this.position - length, this.position);
  }

  entry(): GgufEntry {
    const type = this.uint32();
    if (type !== array) return { type, value: this.#value(type) };
    const of = this.uint32();
    return { type, of, value: Array.from({ length: this.count() }, () => this.#value(of)) };
  }

  #value(type: number): GgufValue {
    return type === text ? this.text() : this.#scalar(type);
  }

  #scalar(type: number): GgufValue {
    const { bytes, read } = scalarOf(type);
    this.position += bytes;
    return read(this.#bytes, this.position - bytes);
  }
}

export class GgufWriter {
  readonly #pieces: Buffer[] = [];

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  uint32(value: number): void {
    this.#scalar(4, value);
  }

  uint64(value: number): void {
    this.#scalar(10, BigInt(value));
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.uint64(bytes.length);
    this.#pieces.push(bytes);
  }

  entry({ type, of, value }: GgufEntry): void {
    this.uint32(type);
    if (type !== array) {
      this.#value(type, value);
      return;
    }
    if (!Array.isArray(value) || of === undefined) throw new TypeError('An array needs its elements and their type.');
    this.uint32(of);
    this.uint64(value.length);
    for (const element of value as readonly GgufValue[]) this.#value(of, element);
  }

  #value(type: number, value: GgufValue): void {
    if (type === text) this.text(String(value));
    else this.#scalar(type, value);
  }

  #scalar(type: number, value: GgufValue): void {
    const { bytes, write } = scalarOf(type);
    const piece = Buffer.alloc(bytes);
    write(piece, value);
    this.#pieces.push(piece);
  }
}
