/** Tensors over memory that we own: the runtime reads and writes it in place, and nothing is copied. */
import koffi from 'koffi';
import { acquireEnvironment, releaseEnvironment } from './environment.ts';
import { NativeHandle, type Pointer } from './handles.ts';
import { ort } from './ort-api.ts';
import { created } from './ort-error.ts';

/** `ONNXTensorElementDataType` and size of one element. */
const elementTypes = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
} as const;

export type ElementType = keyof typeof elementTypes;

/** Name of a runtime type code, or null for one that no tensor here can have. */
export function elementTypeOf(code: number): ElementType | null {
  for (const [name, type] of Object.entries(elementTypes)) if (type.code === code) return name as ElementType;
  return null;
}

/** Number of bytes of a tensor of this type and shape. */
export function tensorBytes(type: ElementType, shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, elementTypes[type].bytes);
}

/** Vector kernels load fastest from whole cache lines. */
const alignment = 64;

/**
 * Memory at an address that never changes, for as long as this object is referenced.
 *
 * Typed arrays made from a length below 64 elements or so live on V8's heap, and move; an `ArrayBuffer` of our own does not. It comes
 * from `calloc`: large ones are zero pages that cost no physical memory until they are written.
 */
export class NativeMemory {
  readonly byteLength: number;
  readonly address: Pointer;
  /** Null until someone looks at memory that is not V8's own. */
  #buffer: ArrayBufferLike | null;
  readonly #byteOffset: number;

  private constructor(buffer: ArrayBufferLike | null, byteOffset: number, byteLength: number, address: Pointer) {
    this.#buffer = buffer;
    this.#byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.address = address;
  }

  /**
   * Zeroed memory, aligned to 64 bytes.
   * @throws RangeError if V8 or the machine cannot give that much in one piece (V8 allows about 8 GiB on Node 20)
   */
  static allocate(byteLength: number): NativeMemory {
    const buffer = new ArrayBuffer(byteLength + alignment);
    const start: Pointer = koffi.address(buffer);
    const byteOffset = (alignment - Number(start % BigInt(alignment))) % alignment;
    return new NativeMemory(buffer, byteOffset, byteLength, start + BigInt(byteOffset));
  }

  /** The memory of an existing array, which must not be transferred to another thread meanwhile. */
  static of(array: ArrayBufferView): NativeMemory {
    // Asking for the buffer moves a small array off V8's heap, once and for all.
    const { buffer, byteOffset, byteLength } = array;
    return new NativeMemory(buffer, byteOffset, byteLength, koffi.address(new Uint8Array(buffer, byteOffset, byteLength)));
  }

  /** Memory that someone else owns: it must outlive every use of this object. */
  static at(address: Pointer, byteLength: number): NativeMemory {
    return new NativeMemory(null, 0, byteLength, address);
  }

  float32(length = Math.floor(this.byteLength / 4)): Float32Array {
    return new Float32Array(this.#bytes(), this.#byteOffset, length);
  }

  int32(length = Math.floor(this.byteLength / 4)): Int32Array {
    return new Int32Array(this.#bytes(), this.#byteOffset, length);
  }

  #bytes(): ArrayBufferLike {
    this.#buffer ??= koffi.view(this.address, this.byteLength);
    return this.#buffer;
  }
}

/** A view of memory with a type and a shape. Several may share memory; closing one frees no memory but its own description. */
export class Tensor {
  readonly memory: NativeMemory;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly #handle: NativeHandle;

  /** @throws RangeError if the memory is too small, OrtError if the runtime refuses the shape */
  constructor(memory: NativeMemory, type: ElementType, shape: readonly number[], byteOffset = 0) {
    const bytes = tensorBytes(type, shape);
    if (!(byteOffset >= 0 && byteOffset + bytes <= memory.byteLength)) {
      throw new RangeError(
        `A ${type} tensor [${shape.join(', ')}] at byte ${byteOffset} needs ${byteOffset + bytes} bytes; the memory has ${memory.byteLength}.`,
      );
    }
    this.memory = memory;
    this.type = type;
    this.shape = shape;
    const { cpuMemory } = acquireEnvironment();
    try {
      const api = ort();
      const data = memory.address + BigInt(byteOffset);
      const { code } = elementTypes[type];
      this.#handle = new NativeHandle(
        'value',
        created((out) => api.CreateTensorWithDataAsOrtValue(cpuMemory.pointer, data, bytes, shape, shape.length, code, out)),
        (pointer) => {
          api.ReleaseValue(pointer);
          releaseEnvironment();
        },
      );
    } catch (error) {
      releaseEnvironment();
      throw error;
    }
  }

  get pointer(): Pointer {
    return this.#handle.pointer;
  }

  /** Idempotent. A binding that holds the tensor keeps working. */
  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
