/** A checkpoint made ready to run: compiled, opened, with its tokeniser, template, preprocessor and engine. */
import { readdir, stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { compileCheckpoint } from '../compile/compile.ts';
import { readCheckpointConfig } from '../compile/config.ts';
import type { QuantizationChoice } from '../compile/quantisation.ts';
import { Engine } from '../engine/engine.ts';
import type { ModelRunner } from '../engine/model-runner.ts';
import { prefillChunks } from '../engine/prefill-chunk.ts';
import { createSessionRunner } from '../engine/session-runner.ts';
import { rowsAreExact } from '../engine/speculation-check.ts';
import { CheckpointError } from '../errors.ts';
import { GrammarService } from '../grammar/grammar-service.ts';
import { readVocabulary } from '../grammar/vocabulary.ts';
import { type ChatTemplate, loadChatTemplate } from '../text/chat-template.ts';
import { loadTokenizer, type Tokenizer } from '../text/tokenizer.ts';
import { createPreprocessor, type Preprocessor } from '../vision/preprocess.ts';
import { type Capacity, memoryBesideWeights, planCapacity, usableMemory } from './capacity.ts';
import { RequestImages } from './request-images.ts';

/** Of a text that certainly repeats so many tokens are worth computing at once. */
const ROWS_PER_SLOT = 8;

export interface LoadOptions {
  /** Folder in the Hugging Face layout. */
  readonly checkpoint: string;
  readonly quantization: QuantizationChoice;
  readonly cacheDir: string;
  readonly maxQueue: number;
  /** Milliseconds that a request may wait for its turn; 0 for any time. */
  readonly queueTimeoutMs: number;
  /** Threads of the runtime; absent takes one for each processor. */
  readonly threads?: number;
  readonly slots?: number;
  readonly maxModelLen?: number;
  /** Most bytes of the key/value cache. */
  readonly cacheBytes?: number;
  readonly prefixCache: boolean;
  readonly imageCacheBytes: number;
  /** Whether tokens are guessed ahead where that is faster. */
  readonly speculation: boolean;
  /** Told what is being done now; `share` is how much of it is done, 0 … 1. */
  readonly onStep: (step: string, share?: number) => void;
  readonly signal: AbortSignal;
}

export interface LoadedModel {
  readonly key: string;
  readonly runner: ModelRunner;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly images: RequestImages;
  readonly capacity: Capacity;
  readonly engine: Engine;
  /** Null for a model without an end token. */
  readonly grammars: GrammarService | null;
  close(graceMs: number): Promise<void>;
}

/**
 * Loads a checkpoint, compiling it first if the cache does not have it.
 * @throws CheckpointError, CapacityError, the signal's reason; what was opened by then is closed again
 */
export async function loadModel(options: LoadOptions): Promise<LoadedModel> {
  const { checkpoint, quantization, cacheDir, onStep, signal } = options;
  await requireFolder(checkpoint);
  onStep('reading the tokeniser');
  // Before the compilation, which takes minutes for a large checkpoint and needs none of these.
  const tokenizer = await loadTokenizer(checkpoint);
  const template = await loadChatTemplate(checkpoint, tokenizer);
  const { vision } = await readCheckpointConfig(checkpoint);
  // Starts no thread before its first picture.
  const preprocessor = vision === null ? null : await createPreprocessor(checkpoint, { workers: availableParallelism() });
  if (vision !== null && preprocessor !== null) requireSize(checkpoint, preprocessor.size, vision.tower.imageSize);
  onStep('compiling the checkpoint');
  const compiled = await compileCheckpoint(checkpoint, {
    quantization,
    cacheDir,
    signal,
    onProgress: (share) => onStep('compiling the checkpoint', share),
  });
  signal.throwIfAborted();
  onStep('opening the model');
  const { spec } = compiled;
  const capacity = planCapacity(
    spec.decoder,
    {
      ...(options.slots !== undefined && { slots: options.slots }),
      ...(options.maxModelLen !== undefined && { maxModelLen: options.maxModelLen }),
      ...(options.cacheBytes !== undefined && { cacheBytes: options.cacheBytes }),
    },
    memoryBesideWeights(usableMemory(totalmem(), process.constrainedMemory()), await bytesIn(compiled.folder)),
  );
  let runner: ModelRunner | null = null;
  let speculation = false;
  try {
    runner = await createSessionRunner(compiled, {
      slots: capacity.slots,
      maxModelLen: capacity.maxModelLen,
      threads: options.threads ?? availableParallelism(),
      ...(options.speculation && { rowsPerSlot: ROWS_PER_SLOT }),
    });
    signal.throwIfAborted();
    speculation = options.speculation && (await rowsAreExact(runner));
  } catch (error) {
    await runner?.close();
    await preprocessor?.close();
    throw error;
  }
  const opened = runner;
  const engine = new Engine({
    runner: opened,
    decode: (ids, options) => tokenizer.decode(ids, options),
    vocabulary: tokenizer,
    eosTokenIds: tokenizer.eosTokenIds,
    maxQueue: options.maxQueue,
    queueTimeoutMs: options.queueTimeoutMs,
    prefixCache: options.prefixCache,
    ...prefillChunks(spec.decoder),
    imageCacheBytes: options.imageCacheBytes,
    speculation,
  });
  const vocabulary = readVocabulary(tokenizer);
  const grammars = vocabulary === null ? null : new GrammarService(vocabulary);
  return {
    key: compiled.key,
    runner: opened,
    tokenizer,
    template,
    images: new RequestImages(preprocessor, engine),
    capacity,
    engine,
    grammars,
    async close(graceMs) {
      await engine.close(graceMs);
      await grammars?.close();
      await preprocessor?.close();
      await opened.close();
    },
  };
}

/** @throws CheckpointError if pictures are prepared in another size than the vision tower takes */
function requireSize(checkpoint: string, { height, width }: Preprocessor['size'], side: number): void {
  if (height === side && width === side) return;
  throw new CheckpointError(
    `${checkpoint}: preprocessor_config.json makes pictures of ${height}×${width} pixels, but config.json has a vision tower of ${side}×${side}`,
  );
}

async function bytesIn(folder: string): Promise<number> {
  const files = await readdir(folder);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function requireFolder(path: string): Promise<void> {
  const status = await stat(path).catch(() => null);
  if (status?.isDirectory()) return;
  const found = status === null ? 'does not exist' : 'is no folder';
  throw new CheckpointError(`${path} ${found}; set MODEL to a folder with a checkpoint in the Hugging Face layout.`);
}
