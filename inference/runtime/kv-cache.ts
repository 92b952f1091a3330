/** Keys and values of every layer for every slot, allocated once: `[slots, kvHeads, maxModelLen, headDim]` float32 each. */
import { setImmediate as breathe } from 'node:timers/promises';
import { type DecoderSpec, graphNames } from '../models/spec.ts';
import type { Binding } from './binding.ts';
import { NativeMemory, Tensor, tensorBytes } from './tensor.ts';

interface CachedValue {
  readonly past: string;
  readonly present: string;
  readonly memory: NativeMemory;
  readonly byteOffset: number;
}

/** Layers share pieces of up to this size: each piece that is allocated may cost a garbage collection. V8 allows twice as much. */
const pieceBytes = 4 * 1024 ** 3;

/** Milliseconds of copying after which other work of the thread has its turn. */
const maxBusyMs = 4;

/** Capacity costs no physical memory until a token is written there, so slots and lengths may be generous. */
export class KvCache {
  readonly #slotShape: readonly [kvHeads: number, maxModelLen: number, headDim: number];
  readonly #values: readonly CachedValue[];

  /** @throws RangeError if the machine cannot give that much memory, or one layer's is larger than a piece can be */
  constructor(spec: DecoderSpec, slots: number, maxModelLen: number) {
    this.#slotShape = [spec.kvHeads, maxModelLen, spec.headDim];
    const bytes = tensorBytes('float32', [slots, ...this.#slotShape]);
    const names = Array.from({ length: spec.layers }, (_, layer) => [
      { past: graphNames.pastKey(layer), present: graphNames.presentKey(layer) },
      { past: graphNames.pastValue(layer), present: graphNames.presentValue(layer) },
    ]).flat();
    const perPiece = Math.max(1, Math.floor(pieceBytes / bytes));
    const values: CachedValue[] = [];
    try {
      for (let first = 0; first < names.length; first += perPiece) {
        const group = names.slice(first, first + perPiece);
        const memory = NativeMemory.allocate(group.length * bytes);
        values.push(...group.map((name, i) => ({ ...name, memory, byteOffset: i * bytes })));
      }
    } catch (error) {
      throw new RangeError(
        `The cache for ${slots} sequences of ${maxModelLen} tokens needs ${names.length} × ${bytes} bytes, which cannot be had; ` +
          'lower the number of sequences or the context length.',
        { cause: error },
      );
    }
    this.#values = values;
  }

  /** Copies tokens of one slot to the same positions of another, and gives way to other work of the thread meanwhile. */
  async copy(from: number, to: number, start: number, tokens: number): Promise<void> {
    const [kvHeads, maxModelLen, headDim] = this.#slotShape;
    const headSize = maxModelLen * headDim;
    let busySince = performance.now();
    for (const { memory, byteOffset } of this.#values) {
      const numbers = memory.float32();
      for (let head = 0; head < kvHeads; head++) {
        const first = (slot: number) => byteOffset / 4 + (slot * kvHeads + head) * headSize + start * headDim;
        numbers.copyWithin(first(to), first(from), first(from) + tokens * headDim);
        if (performance.now() - busySince < maxBusyMs) continue;
        await breathe();
        busySince = performance.now();
      }
    }
  }

  /** Binds the slots `first … first + count - 1` as past and present, so that the attention appends in place. */
  bind(binding: Binding, first: number, count: number): void {
    const shape = [count, ...this.#slotShape];
    const offset = first * tensorBytes('float32', this.#slotShape);
    for (const { past, present, memory, byteOffset } of this.#values) {
      using tensor = new Tensor(memory, 'float32', shape, byteOffset + offset);
      binding.bindInput(past, tensor);
      binding.bindOutput(present, tensor);
    }
  }
}
