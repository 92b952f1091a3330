/** Native memory that the decoder graph reads its tokens from and writes its logits to. */
import { type ElementType, NativeMemory, tensorBytes } from './tensor.ts';

/** Tokens of a run whose logits are wanted, and where these go: `[rows, vocab]`. */
export interface Rows {
  readonly logitRows: NativeMemory;
  readonly logits: NativeMemory;
}

/** One forward pass: all rows of a run have the same number of new tokens. */
export interface Inputs extends Rows {
  readonly ids: NativeMemory;
  readonly imageIndex: NativeMemory;
  readonly seqlensK: NativeMemory;
  readonly totalSequenceLength: NativeMemory;
}

export function allocateInputs(batch: number, tokens: number, vocabSize: number): Inputs {
  const allocate = (type: ElementType, ...shape: number[]) => NativeMemory.allocate(tensorBytes(type, shape));
  return {
    ids: allocate('int64', batch, tokens),
    imageIndex: allocate('int64', batch, tokens),
    logitRows: allocate('int64', batch),
    seqlensK: allocate('int32', batch),
    totalSequenceLength: allocate('int32'),
    logits: allocate('float32', batch, vocabSize),
  };
}

/** No token of a decode run is an image's, and the logits of all are wanted. */
export function decodeInputs(rows: number, vocabSize: number): Inputs {
  const inputs = allocateInputs(rows, 1, vocabSize);
  writeInt64(inputs.imageIndex, new Int32Array(rows).fill(-1));
  writeInt64(
    inputs.logitRows,
    Array.from({ length: rows }, (_, row) => row),
  );
  return inputs;
}

/** Writes numbers as int64: low half, then its sign. Cheaper than one BigInt each; every platform here is little-endian. */
export function writeInt64(target: NativeMemory, numbers: ArrayLike<number>): void {
  const halves = target.int32(numbers.length * 2);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0;
    halves[2 * i] = number;
    halves[2 * i + 1] = number < 0 ? -1 : 0;
  }
}
