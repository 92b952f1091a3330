/** Runs the decoder graph over the cache: prompts of one slot in chunks, and one or a few tokens for each of a range of slots. */
import { LRUCache } from 'lru-cache';
import { type DecoderSpec, graphNames } from '../models/spec.ts';
import type { Binding } from './binding.ts';
import { allocateInputs, decodeInputs, type Inputs, type Rows, writeInt64 } from './decoder-inputs.ts';
import { KvCache } from './kv-cache.ts';
import type { Session } from './session.ts';
import { type ElementType, NativeMemory, Tensor, tensorBytes } from './tensor.ts';

/** Bindings kept: making one takes 1 to 2 ms for a cache of 24 layers, keeping one a few dozen kilobytes. */
const keptBindings = 256;

/** Rows of a decode run in which slots have several; more would only be worth it on machines with very many cores. */
const maxVerifyRows = 64;

/** Not safe for two calls at once: inputs and logits are shared between calls. */
export class Decoder {
  readonly #session: Session;
  readonly #spec: DecoderSpec;
  readonly #hasVision: boolean;
  readonly #slots: number;
  readonly #maxModelLen: number;
  readonly #cache: KvCache;
  readonly #decode: Inputs;
  readonly #prefill: Inputs;
  /** Of decode runs in which slots have several rows; made when the first comes. */
  #verify: Inputs | null = null;
  /** Where a prefill writes the logits of all its tokens; made when one first wants them. */
  #everyRow: Rows | null = null;
  /** What a run without an image token reads as `image_features`: one row of zeros. */
  readonly #noFeatures: NativeMemory;
  readonly #decodeBindings: LRUCache<number, Binding>;
  /** Apart, so that they push none of the others out. */
  readonly #verifyBindings: LRUCache<number, Binding>;
  readonly #prefillBindings: LRUCache<number, { readonly binding: Binding; tokens: number }>;
  #runtimeMs = 0;

  /**
   * @param rowsPerSlot rows that a slot may have in a decode run, if the system can do that; a power of two
   * @throws RangeError if the cache cannot be allocated
   */
  constructor(session: Session, spec: DecoderSpec, hasVision: boolean, slots: number, maxModelLen: number, rowsPerSlot = 1) {
    this.#session = session;
    this.#spec = spec;
    this.#hasVision = hasVision;
    this.#slots = slots;
    this.#maxModelLen = maxModelLen;
    this.#cache = new KvCache(spec, slots, maxModelLen, rowsPerSlot);
    this.#decode = decodeInputs(slots, spec.vocabSize);
    this.#prefill = allocateInputs(1, maxModelLen, spec.vocabSize);
    this.#noFeatures = NativeMemory.allocate(tensorBytes('float32', [1, spec.hiddenSize]));
    this.#decodeBindings = new LRUCache({ max: keptBindings, dispose: (binding) => binding.close() });
    this.#verifyBindings = new LRUCache({ max: keptBindings, dispose: (binding) => binding.close() });
    this.#prefillBindings = new LRUCache({ max: keptBindings, dispose: ({ binding }) => binding.close() });
  }

  /** Milliseconds spent inside the runtime so far. */
  get runtimeMs(): number {
    return this.#runtimeMs;
  }

  /** Rows that a slot may have in a decode run: a power of two. */
  get rowsPerSlot(): number {
    return this.#cache.rowsPerSlot;
  }

  /** Rows of a decode run in which slots have several. */
  get verifyRows(): number {
    return maxVerifyRows;
  }

  /**
   * Appends one token to each slot of the range, or as many as each has rows.
   * @param lengths tokens before each row's own; those of a slot's later rows take its earlier rows' tokens in
   * @param rowsPerSlot a power of two; each row computes the very bits that it would in a run of its own
   * @returns logits `[rows, vocab]`, overwritten by the next call
   * @throws RangeError if the range or a length is outside the cache: the runtime would write past it
   */
  async decode(firstSlot: number, ids: Int32Array, lengths: Int32Array, rowsPerSlot = 1): Promise<Float32Array> {
    const rows = ids.length;
    this.#checkRange(firstSlot, rows / rowsPerSlot);
    this.#checkRows(rows, rowsPerSlot);
    if (lengths.length !== rows) throw new RangeError(`A decode step has ${rows} tokens but ${lengths.length} lengths.`);
    const inputs = rowsPerSlot === 1 ? this.#decode : this.#verifyInputs();
    const seqlensK = inputs.seqlensK.int32(rows);
    let longest = 0;
    for (let row = 0; row < rows; row++) {
      const length = lengths[row] ?? -1;
      if (length < 0 || length >= this.#maxModelLen) {
        const slot = firstSlot + Math.floor(row / rowsPerSlot);
        throw new RangeError(`Slot ${slot} has ${length} tokens; one more must fit into 1…${this.#maxModelLen}.`);
      }
      // Length after this step, minus 1.
      seqlensK[row] = length;
      if (length > longest) longest = length;
    }
    inputs.totalSequenceLength.int32()[0] = longest + 1;
    writeInt64(inputs.ids, ids);
    this.#runtimeMs += await this.#session.run(this.#decodeBinding(inputs, firstSlot, rows / rowsPerSlot, rowsPerSlot));
    return inputs.logits.float32(rows * this.#spec.vocabSize);
  }

  /**
   * Appends a chunk of a prompt to one slot.
   * @param imageIndex for each id, the row of `imageFeatures` that replaces its embedding, or -1
   * @param imageFeatures `[rows, hidden]`
   * @param everyLogit whether all tokens' logits are wanted
   * @returns logits `[vocab]` of the last token, or `[tokens, vocab]`, overwritten by the next call
   * @throws RangeError if the chunk is empty, does not fit into the cache, or its images do not fit the model
   */
  async prefill(
    slot: number,
    start: number,
    ids: Int32Array,
    imageIndex: Int32Array | null,
    imageFeatures: Float32Array | null,
    everyLogit = false,
  ): Promise<Float32Array> {
    const tokens = ids.length;
    this.#checkRange(slot, 1);
    if (tokens === 0 || start < 0 || start + tokens > this.#maxModelLen) {
      throw new RangeError(`A chunk of ${tokens} tokens at ${start} does not fit into a context of ${this.#maxModelLen}.`);
    }
    this.#checkImages(tokens, imageIndex, imageFeatures);
    const inputs = this.#prefill;
    writeInt64(inputs.ids, ids);
    if (this.#hasVision) writeInt64(inputs.imageIndex, imageIndex ?? new Int32Array(tokens).fill(-1));
    const rows = everyLogit ? this.#rowsFor(tokens) : inputs;
    writeInt64(rows.logitRows, everyLogit ? Array.from(ids.keys()) : [tokens - 1]);
    inputs.seqlensK.int32()[0] = start + tokens - 1;
    inputs.totalSequenceLength.int32()[0] = start + tokens;
    const binding = this.#prefillBinding(slot, tokens);
    if (imageFeatures !== null) this.#bindFeatures(binding, NativeMemory.of(imageFeatures), imageFeatures.length / this.#spec.hiddenSize);
    if (everyLogit) this.#bindLogits(binding, rows, tokens);
    try {
      this.#runtimeMs += await this.#session.run(binding);
    } finally {
      // The binding is kept; the caller's features and the many rows must not be kept with it.
      if (everyLogit) this.#bindLogits(binding, inputs, 1);
      if (imageFeatures !== null) this.#bindFeatures(binding, this.#noFeatures, 1);
    }
    return rows.logits.float32((everyLogit ? tokens : 1) * this.#spec.vocabSize);
  }

  /**
   * Copies the cache of some tokens of one slot to the same positions of another.
   * @throws RangeError if they are not in the cache
   */
  async copy(from: number, to: number, start: number, tokens: number): Promise<void> {
    this.#checkRange(from, 1);
    this.#checkRange(to, 1);
    if (tokens < 1 || start < 0 || start + tokens > this.#maxModelLen) {
      throw new RangeError(`There are no ${tokens} tokens to copy at ${start} of a context of ${this.#maxModelLen}.`);
    }
    await this.#cache.copy(from, to, start, tokens);
  }

  /** Waits for a run under way, then frees everything native. Idempotent. */
  async close(): Promise<void> {
    await this.#session.close();
    this.#decodeBindings.clear();
    this.#verifyBindings.clear();
    this.#prefillBindings.clear();
    this.#cache.close();
  }

  #checkRange(first: number, count: number): void {
    if (!(Number.isInteger(count) && count >= 1 && first >= 0 && first + count <= this.#slots)) {
      throw new RangeError(`Slots ${first}…${first + count - 1} are outside the cache, which has 0…${this.#slots - 1}.`);
    }
  }

  #checkRows(rows: number, perSlot: number): void {
    if (perSlot === 1) return;
    if (perSlot > this.rowsPerSlot || !Number.isInteger(Math.log2(perSlot)) || rows > maxVerifyRows) {
      throw new RangeError(
        `A decode run has ${perSlot} rows for a slot and ${rows} together; it may have a power of two up to ${this.rowsPerSlot}, and ${maxVerifyRows}.`,
      );
    }
  }

  #verifyInputs(): Inputs {
    this.#verify ??= decodeInputs(maxVerifyRows, this.#spec.vocabSize);
    return this.#verify;
  }

  #checkImages(tokens: number, imageIndex: Int32Array | null, imageFeatures: Float32Array | null): void {
    if (imageIndex === null && imageFeatures === null) return;
    if (!this.#hasVision) throw new RangeError('The model has no vision tower, but the chunk has image features.');
    if (imageIndex !== null && imageIndex.length !== tokens) {
      throw new RangeError(`A chunk of ${tokens} tokens has an image index of ${imageIndex.length}.`);
    }
    const { hiddenSize } = this.#spec;
    if (imageFeatures !== null && (imageFeatures.length === 0 || imageFeatures.length % hiddenSize !== 0)) {
      throw new RangeError(`Image features of ${imageFeatures.length} numbers are not rows of ${hiddenSize}.`);
    }
  }

  #decodeBinding(inputs: Inputs, first: number, count: number, rowsPerSlot: number): Binding {
    const key = (first * (this.#slots + 1) + count) * (this.rowsPerSlot + 1) + rowsPerSlot;
    const bindings = rowsPerSlot === 1 ? this.#decodeBindings : this.#verifyBindings;
    const known = bindings.get(key);
    if (known !== undefined) return known;
    const binding = this.#session.createBinding();
    this.#cache.bind(binding, first, count, rowsPerSlot);
    this.#bindTokens(binding, inputs, count * rowsPerSlot, 1);
    this.#bindRows(binding, inputs, count * rowsPerSlot);
    bindings.set(key, binding);
    return binding;
  }

  #prefillBinding(slot: number, tokens: number): Binding {
    let known = this.#prefillBindings.get(slot);
    if (known === undefined) {
      const binding = this.#session.createBinding();
      this.#cache.bind(binding, slot, 1);
      this.#bindRows(binding, this.#prefill, 1);
      known = { binding, tokens: 0 };
      this.#prefillBindings.set(slot, known);
    }
    if (known.tokens !== tokens) {
      this.#bindTokens(known.binding, this.#prefill, 1, tokens);
      known.tokens = tokens;
    }
    return known.binding;
  }

  #bindTokens(binding: Binding, inputs: Inputs, batch: number, tokens: number): void {
    bindInput(binding, graphNames.inputIds, inputs.ids, 'int64', [batch, tokens]);
    if (this.#hasVision) bindInput(binding, graphNames.imageIndex, inputs.imageIndex, 'int64', [batch, tokens]);
  }

  #bindRows(binding: Binding, inputs: Inputs, batch: number): void {
    this.#bindLogits(binding, inputs, batch);
    bindInput(binding, graphNames.seqlensK, inputs.seqlensK, 'int32', [batch]);
    bindInput(binding, graphNames.totalSequenceLength, inputs.totalSequenceLength, 'int32', []);
    if (this.#hasVision) this.#bindFeatures(binding, this.#noFeatures, 1);
  }

  #bindLogits(binding: Binding, { logitRows, logits }: Rows, rows: number): void {
    bindInput(binding, graphNames.logitRows, logitRows, 'int64', [rows]);
    using tensor = new Tensor(logits, 'float32', [rows, this.#spec.vocabSize]);
    binding.bindOutput(graphNames.logits, tensor);
  }

  #rowsFor(tokens: number): Rows {
    const bytes = tensorBytes('float32', [tokens, this.#spec.vocabSize]);
    if (this.#everyRow === null || this.#everyRow.logits.byteLength < bytes) {
      this.#everyRow = {
        logitRows: NativeMemory.allocate(tensorBytes('int64', [tokens])),
        logits: NativeMemory.allocate(bytes),
      };
    }
    return this.#everyRow;
  }

  #bindFeatures(binding: Binding, features: NativeMemory, rows: number): void {
    bindInput(binding, graphNames.imageFeatures, features, 'float32', [rows, this.#spec.hiddenSize]);
  }
}

function bindInput(binding: Binding, name: string, memory: NativeMemory, type: ElementType, shape: readonly number[]): void {
  using tensor = new Tensor(memory, type, shape);
  binding.bindInput(name, tensor);
}
