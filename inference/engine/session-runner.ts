/** The model runner over ONNX Runtime sessions: one call at a time, in the order they came. */
import { CheckpointError } from '../errors.ts';
import { type CompiledModel, graphNames, type ModelSpec } from '../models/spec.ts';
import { Decoder } from '../runtime/decoder.ts';
import { Serial } from '../runtime/serial.ts';
import { Session, type ValueInfo } from '../runtime/session.ts';
import type { SessionOptions } from '../runtime/session-options.ts';
import { VisionEncoder } from '../runtime/vision-encoder.ts';
import type { DecodeStep, ModelRunner, PrefillChunk, SlotCopy } from './model-runner.ts';

export interface SessionRunnerOptions {
  /** Sequences that can run at once. */
  readonly slots: number;
  /** Tokens that one slot can hold, prompt and answer together. */
  readonly maxModelLen: number;
  /** Threads of the runtime; 0 takes one for each physical core. */
  readonly threads: number;
  /** Threads spin while they wait for each other in a run: faster steps, busier processor. Default true. */
  readonly spinning?: boolean;
  /** As `SessionOptions.profile`, for the decoder. */
  readonly profile?: string;
  /** Rows of one slot in a decode step, if the system can do that; a power of two. Default 1. */
  readonly rowsPerSlot?: number;
}

/**
 * Loads the graphs of a compiled model and allocates the cache.
 * @throws RangeError if slots or lengths do not fit the model or the machine
 * @throws CheckpointError if a graph does not have the inputs and outputs that the engine speaks of
 * @throws OrtError if the runtime cannot load a graph
 */
export async function createSessionRunner(compiled: CompiledModel, options: SessionRunnerOptions): Promise<ModelRunner> {
  const { spec } = compiled;
  const { slots, maxModelLen, threads, spinning = true, rowsPerSlot = 1, profile } = options;
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`The number of sequences must be a positive integer, got ${slots}.`);
  if (!Number.isInteger(maxModelLen) || maxModelLen < 1 || maxModelLen > spec.decoder.maxPositions) {
    throw new RangeError(`The context length must be 1…${spec.decoder.maxPositions} for this model, got ${maxModelLen}.`);
  }
  const opened: { close(): Promise<void> }[] = [];
  const open = async (file: string, more: Partial<SessionOptions> = {}) => {
    // Batches and chunks are bounded, so there are few combinations of shapes.
    const session = await Session.create(file, { threads, spinning, memoryPattern: true, ...more });
    opened.push(session);
    return session;
  };
  try {
    const decoderSession = await open(compiled.decoderPath, profile === undefined ? {} : { profile });
    const { inputs, outputs } = decoderNames(spec);
    requireNames(compiled.decoderPath, 'input', decoderSession.inputs, inputs);
    requireNames(compiled.decoderPath, 'output', decoderSession.outputs, outputs);
    const decoder = new Decoder(decoderSession, spec.decoder, spec.vision !== null, slots, maxModelLen, rowsPerSlot);
    opened.push(decoder);
    let vision: VisionEncoder | null = null;
    if (spec.vision !== null) {
      if (compiled.visionPath === null) throw new CheckpointError(`The compiled model in ${compiled.folder} lacks its vision graph.`);
      const visionSession = await open(compiled.visionPath);
      requireNames(compiled.visionPath, 'input', visionSession.inputs, [graphNames.pixelValues]);
      requireNames(compiled.visionPath, 'output', visionSession.outputs, [graphNames.imageFeatures]);
      vision = new VisionEncoder(visionSession, spec.vision, spec.decoder.hiddenSize);
    }
    return new SessionRunner(spec, slots, maxModelLen, decoder, vision);
  } catch (error) {
    for (const session of opened.reverse()) await session.close();
    throw error;
  }
}

class SessionRunner implements ModelRunner {
  readonly spec: ModelSpec;
  readonly slots: number;
  readonly maxModelLen: number;
  readonly #decoder: Decoder;
  readonly #vision: VisionEncoder | null;
  /** Two runs at once would fight for the same cores and take longer together than one after the other. */
  readonly #turns = new Serial();
  #closed = false;

  constructor(spec: ModelSpec, slots: number, maxModelLen: number, decoder: Decoder, vision: VisionEncoder | null) {
    this.spec = spec;
    this.slots = slots;
    this.maxModelLen = maxModelLen;
    this.#decoder = decoder;
    this.#vision = vision;
  }

  get rowsPerSlot(): number {
    return this.#decoder.rowsPerSlot;
  }

  get verifyRows(): number {
    return this.#decoder.verifyRows;
  }

  get runtimeMs(): number {
    return this.#decoder.runtimeMs + (this.#vision?.runtimeMs ?? 0);
  }

  encodeImages(pixels: Float32Array, count: number): Promise<Float32Array> {
    return this.#turn(async () => {
      if (this.#vision === null) throw new RangeError('The model has no vision tower; it cannot encode pictures.');
      return this.#vision.encode(pixels, count);
    });
  }

  prefill({ slot, start, ids, imageIndex, imageFeatures, wantLogits, everyLogit = false }: PrefillChunk): Promise<Float32Array | null> {
    return this.#turn(async () => {
      // One row of logits costs next to nothing, and a run with none would need kernels that accept empty products.
      const logits = await this.#decoder.prefill(slot, start, ids, imageIndex, imageFeatures, everyLogit);
      return wantLogits || everyLogit ? logits : null;
    });
  }

  decode({ firstSlot, ids, lengths, rowsPerSlot = 1 }: DecodeStep): Promise<Float32Array> {
    return this.#turn(() => this.#decoder.decode(firstSlot, ids, lengths, rowsPerSlot));
  }

  copy({ from, to, start, tokens }: SlotCopy): Promise<void> {
    return this.#turn(() => this.#decoder.copy(from, to, start, tokens));
  }

  /** Waits for what was asked for, then frees everything. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.idle();
    await this.#vision?.close();
    await this.#decoder.close();
  }

  #turn<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(new Error('The model runner is closed.'));
    return this.#turns.run(task);
  }
}

function decoderNames({ decoder, vision }: ModelSpec): { inputs: string[]; outputs: string[] } {
  const layers = Array.from({ length: decoder.layers }, (_, layer) => layer);
  const { inputIds, imageFeatures, imageIndex, logitRows, seqlensK, totalSequenceLength, logits } = graphNames;
  return {
    inputs: [
      inputIds,
      ...(vision === null ? [] : [imageFeatures, imageIndex]),
      logitRows,
      seqlensK,
      totalSequenceLength,
      ...layers.flatMap((layer) => [graphNames.pastKey(layer), graphNames.pastValue(layer)]),
    ],
    outputs: [logits, ...layers.flatMap((layer) => [graphNames.presentKey(layer), graphNames.presentValue(layer)])],
  };
}

function requireNames(file: string, side: 'input' | 'output', found: readonly ValueInfo[], expected: readonly string[]): void {
  const names = new Set(found.map(({ name }) => name));
  const missing = expected.filter((name) => !names.delete(name));
  if (missing.length === 0 && names.size === 0) return;
  const differences = [...missing.map((name) => `lacks ${name}`), ...[...names].map((name) => `has an unknown ${name}`)];
  throw new CheckpointError(
    `The ${side}s of ${file} are not as the engine expects (${differences.join(', ')}); compile the checkpoint again.`,
  );
}
