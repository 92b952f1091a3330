/** Keys and values of every layer for every slot, allocated once: `[slots, kvHeads, capacity, headDim]` float32 each. */
import { setImmediate as breathe } from 'node:timers/promises';
import { type DecoderSpec, graphNames } from '../models/spec.ts';
import type { Binding } from './binding.ts';
import { pageBytes, SharedPages } from './shared-pages.ts';
import { NativeMemory, Tensor, tensorBytes } from './tensor.ts';

/** Memory of several layers. */
interface Piece {
  readonly memory: NativeMemory;
  /** Null if its slots can be seen at no other address. */
  readonly pages: SharedPages | null;
}

interface CachedValue {
  readonly past: string;
  readonly present: string;
  readonly piece: Piece;
  readonly byteOffset: number;
}

/** Addresses at which each slot is seen so many times in a row. */
interface View {
  readonly ranges: ReadonlyMap<Piece, NativeMemory>;
  readonly shown: Set<number>;
}

/** Layers share pieces of up to this size: each piece that is allocated may cost a garbage collection. V8 allows twice as much. */
const pieceBytes = 4 * 1024 ** 3;

/** Milliseconds of copying after which other work of the thread has its turn. */
const maxBusyMs = 4;

/** Half of what Linux gives a process unless told otherwise (`vm.max_map_count`). */
const maxMappings = 32_768;

/** Capacity costs no physical memory until a token is written there, so slots and lengths may be generous. */
export class KvCache {
  /** Rows of a run that may stand for one slot: a power of two, 1 where this system can show memory at one address only. */
  readonly rowsPerSlot: number;
  readonly #slotShape: readonly [kvHeads: number, capacity: number, headDim: number];
  readonly #slotBytes: number;
  readonly #values: readonly CachedValue[];
  readonly #views = new Map<number, View>();

  /**
   * @param rowsPerSlot wanted; a power of two
   * @throws RangeError if the machine cannot give that much memory, or one layer's is larger than a piece can be
   */
  constructor(spec: DecoderSpec, slots: number, maxModelLen: number, rowsPerSlot = 1) {
    const names = Array.from({ length: spec.layers }, (_, layer) => [
      { past: graphNames.pastKey(layer), present: graphNames.presentKey(layer) },
      { past: graphNames.pastValue(layer), present: graphNames.presentValue(layer) },
    ]).flat();
    const page = rowsPerSlot > 1 ? pageBytes() : null;
    const capacity = page === null ? maxModelLen : wholePages(maxModelLen, tensorBytes('float32', [spec.kvHeads, spec.headDim]), page);
    this.rowsPerSlot = page === null ? 1 : mostRows(rowsPerSlot, names.length * slots);
    this.#slotShape = [spec.kvHeads, capacity, spec.headDim];
    this.#slotBytes = tensorBytes('float32', this.#slotShape);
    const bytes = slots * this.#slotBytes;
    const perPiece = Math.max(1, Math.floor(pieceBytes / bytes));
    const values: CachedValue[] = [];
    this.#values = values;
    try {
      for (let first = 0; first < names.length; first += perPiece) {
        const group = names.slice(first, first + perPiece);
        const piece = allocate(group.length * bytes, this.rowsPerSlot > 1);
        values.push(...group.map((name, i) => ({ ...name, piece, byteOffset: i * bytes })));
      }
    } catch (error) {
      this.close();
      throw new RangeError(
        `The cache for ${slots} sequences of ${maxModelLen} tokens needs ${names.length} × ${bytes} bytes, which cannot be had; ` +
          'lower the number of sequences or the context length.',
        { cause: error },
      );
    }
  }

  /** Copies tokens of one slot to the same positions of another, and gives way to other work of the thread meanwhile. */
  async copy(from: number, to: number, start: number, tokens: number): Promise<void> {
    const [kvHeads, capacity, headDim] = this.#slotShape;
    const headSize = capacity * headDim;
    let busySince = performance.now();
    for (const { piece, byteOffset } of this.#values) {
      const numbers = piece.memory.float32();
      for (let head = 0; head < kvHeads; head++) {
        const first = (slot: number) => byteOffset / 4 + (slot * kvHeads + head) * headSize + start * headDim;
        numbers.copyWithin(first(to), first(from), first(from) + tokens * headDim);
        if (performance.now() - busySince < maxBusyMs) continue;
        await breathe();
        busySince = performance.now();
      }
    }
  }

  /**
   * Binds the slots `first … first + count - 1` as past and present, so that the attention appends in place.
   * @param rows of the batch for each slot in turn, a power of two up to `rowsPerSlot`: all of them see the same memory. The
   *   attention writes every row's new token before it reads any row's past, so a row sees what the rows before it append.
   */
  bind(binding: Binding, first: number, count: number, rows = 1): void {
    const shape = [count * rows, ...this.#slotShape];
    // A single slot's rows are the first of those that there are most of: every page that is touched there costs a fault.
    const times = rows > 1 && count === 1 ? this.rowsPerSlot : rows;
    const ranges = times === 1 ? null : this.#show(times, first, count);
    for (const { past, present, piece, byteOffset } of this.#values) {
      const memory = ranges?.get(piece) ?? piece.memory;
      using tensor = new Tensor(memory, 'float32', shape, (byteOffset + first * this.#slotBytes) * times);
      binding.bindInput(past, tensor);
      binding.bindOutput(present, tensor);
    }
  }

  /** Only when nothing is bound to it any more. Idempotent. */
  close(): void {
    for (const { piece } of this.#values) piece.pages?.close();
  }

  /** Slots are shown when they are first asked for: most never need it. */
  #show(times: number, first: number, count: number): View['ranges'] {
    if (this.#views.size === 0) this.#reserve();
    const view = this.#views.get(times);
    if (view === undefined) throw new RangeError(`This cache shows a slot up to ${this.rowsPerSlot} times; ${times} were asked for.`);
    for (let slot = first; slot < first + count; slot++) {
      if (view.shown.has(slot)) continue;
      for (const { piece, byteOffset } of this.#values) {
        const from = byteOffset + slot * this.#slotBytes;
        const range = view.ranges.get(piece);
        for (let row = 0; range !== undefined && row < times; row++) {
          piece.pages?.show(range, from * times + row * this.#slotBytes, from, this.#slotBytes);
        }
      }
      view.shown.add(slot);
    }
    return view.ranges;
  }

  /** All addresses at once, so that it is known at the first use whether there are enough. */
  #reserve(): void {
    const pieces = new Set(this.#values.map(({ piece }) => piece));
    for (let times = 2; times <= this.rowsPerSlot; times *= 2) {
      const ranges = new Map<Piece, NativeMemory>();
      for (const piece of pieces) if (piece.pages !== null) ranges.set(piece, piece.pages.reserve(piece.memory.byteLength * times));
      this.#views.set(times, { ranges, shown: new Set() });
    }
  }
}

function allocate(byteLength: number, shared: boolean): Piece {
  if (!shared) return { memory: NativeMemory.allocate(byteLength), pages: null };
  const pages = new SharedPages(byteLength);
  return { memory: pages.memory, pages };
}

/** Tokens of a slot, at least `tokens`, whose keys take whole pages. */
function wholePages(tokens: number, bytesPerToken: number, page: number): number {
  let step = page;
  while (step % 2 === 0 && ((step / 2) * bytesPerToken) % page === 0) step /= 2;
  return Math.ceil(tokens / step) * step;
}

/** The largest power of two up to `wanted` whose views, with all smaller ones, take no more mappings than there are. */
function mostRows(wanted: number, slotsOfAllValues: number): number {
  let rows = 1;
  for (let mappings = 0; rows * 2 <= wanted; rows *= 2) {
    mappings += rows * 2 * slotsOfAllValues;
    if (mappings > maxMappings) break;
  }
  return rows;
}
