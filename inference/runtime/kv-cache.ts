/** Keys and values of every layer for every slot, allocated once: `[slots, kvHeads, maxModelLen, headDim]` float32 each. */
import { type DecoderSpec, graphNames } from '../models/spec.ts';
import type { Binding } from './binding.ts';
import { NativeMemory, Tensor, tensorBytes } from './tensor.ts';

interface CachedValue {
  readonly past: string;
  readonly present: string;
  readonly memory: NativeMemory;
}

/** Capacity costs no physical memory until a token is written there, so slots and lengths may be generous. */
export class KvCache {
  readonly #slotShape: readonly [kvHeads: number, maxModelLen: number, headDim: number];
  readonly #values: readonly CachedValue[];

  /** @throws RangeError if one layer's cache is larger than one piece of memory can be */
  constructor(spec: DecoderSpec, slots: number, maxModelLen: number) {
    this.#slotShape = [spec.kvHeads, maxModelLen, spec.headDim];
    const bytes = tensorBytes('float32', [slots, ...this.#slotShape]);
    try {
      this.#values = Array.from({ length: spec.layers }, (_, layer) => [
        { past: graphNames.pastKey(layer), present: graphNames.presentKey(layer), memory: NativeMemory.allocate(bytes) },
        { past: graphNames.pastValue(layer), present: graphNames.presentValue(layer), memory: NativeMemory.allocate(bytes) },
      ]).flat();
    } catch (error) {
      throw new RangeError(
        `The cache for ${slots} sequences of ${maxModelLen} tokens needs ${spec.layers * 2} pieces of ${bytes} bytes, which cannot be had; ` +
          'lower the number of sequences or the context length.',
        { cause: error },
      );
    }
  }

  /** Binds the slots `first … first + count - 1` as past and present, so that the attention appends in place. */
  bind(binding: Binding, first: number, count: number): void {
    const shape = [count, ...this.#slotShape];
    const offset = first * tensorBytes('float32', this.#slotShape);
    for (const { past, present, memory } of this.#values) {
      using tensor = new Tensor(memory, 'float32', shape, offset);
      binding.bindInput(past, tensor);
      binding.bindOutput(present, tensor);
    }
  }
}
