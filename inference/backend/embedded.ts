/** The backend that runs a checkpoint in this process. It exists at once and becomes ready when the model is loaded. */

import type { EngineEvent } from '../engine/request.ts';
import { CheckpointError, ModelLoading, ShuttingDown } from '../errors.ts';
import { buildPrompt } from '../text/prompt.ts';
import type { Backend, BackendState, BackendStats, GenerationEvent, GenerationRequest, ModelInfo } from '../types.ts';
import { cacheBytesPerToken, inUnits } from './capacity.ts';
import { type LoadedModel, type LoadOptions, loadModel } from './loaded-model.ts';
import { readModelCard } from './model-card.ts';
import { openAnswerConstraints, outputWithCalls, readCalls } from './tool-use.ts';

export interface EmbeddedBackendOptions {
  /** Checkpoint folder in the Hugging Face layout. */
  readonly checkpoint: string;
  /** Names that requests may use; the first one is the model's id. */
  readonly servedNames: readonly [string, ...string[]];
  /** How the decoder's weights are kept. */
  readonly quantization: LoadOptions['quantization'];
  /** Where compiled checkpoints are kept. */
  readonly cacheDir: string;
  /** Most sequences that wait for a slot; one more is refused with QueueFull. */
  readonly maxQueue: number;
  /** Milliseconds after which a request that still waits is refused with QueueTimeout; 0 for never. Default 0. */
  readonly queueTimeoutMs?: number;
  /** Threads of the runtime; absent takes one for each processor. */
  readonly threads?: number;
  /** Sequences that run at once; absent takes what half the machine's memory holds, 32 at most. */
  readonly maxNumSeqs?: number;
  /** Tokens of one sequence; absent takes what the model has positions for. */
  readonly maxModelLen?: number;
  /** Most bytes of the key/value cache; `maxNumSeqs`, if absent, is then what fits in them. Absent takes half of the memory at most. */
  readonly kvCacheBytes?: number;
  /** Whether prompts start from what others have in the cache; answers are the same. Default true. */
  readonly prefixCache?: boolean;
  /** Bytes of image features kept for later requests. Default {@link defaultImageCacheBytes}. */
  readonly imageCacheBytes?: number;
  /** Whether tokens are guessed ahead where that is faster; answers are the same. Default false. */
  readonly speculation?: boolean;
  /** Version of the program, part of the fingerprint. */
  readonly version: string;
  readonly log: { info(details: object, message: string): void };
}

/** Features of some 100 pictures of a 13B model, or of thousands for a small one. */
export const defaultImageCacheBytes = 256 * 2 ** 20;

/** Starts to load the checkpoint and returns at once; `ready()` waits for it, `state()` tells how far it is. */
export function createEmbeddedBackend(options: EmbeddedBackendOptions): Backend {
  return new EmbeddedBackend(options);
}

const NO_STATS: BackendStats = {
  running: 0,
  waiting: 0,
  slots: 0,
  freeSlots: 0,
  preemptions: 0,
  promptTokens: 0,
  cachedTokens: 0,
  copiedTokens: 0,
  completionTokens: 0,
  draftTokens: 0,
  acceptedTokens: 0,
  decodeSteps: 0,
  prefillChunks: 0,
  imagesEncoded: 0,
  imageCacheHits: 0,
  runtimeMs: 0,
};

class EmbeddedBackend implements Backend {
  readonly #options: EmbeddedBackendOptions;
  readonly #loading: Promise<void>;
  readonly #stop = new AbortController();
  #state: BackendState = { phase: 'loading', step: 'starting' };
  #info: ModelInfo;
  #model: LoadedModel | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: EmbeddedBackendOptions) {
    this.#options = options;
    this.#info = {
      names: options.servedNames,
      created: 0,
      ...(options.maxModelLen !== undefined && { maxModelLen: options.maxModelLen }),
      license: 'unknown',
      fingerprint: 'fp_loading',
    };
    this.#loading = this.#load().catch((error: unknown) => {
      if (this.#closed !== null) return;
      this.#state = { phase: 'failed', error: error instanceof Error ? error : new CheckpointError(String(error)) };
    });
  }

  state(): BackendState {
    const failure = this.#model?.engine.failure ?? null;
    if (failure !== null && this.#closed === null) return { phase: 'failed', error: failure };
    return this.#state;
  }

  async ready(): Promise<void> {
    await this.#loading;
    const state = this.state();
    if (state.phase === 'failed') throw state.error;
    this.#loaded();
  }

  models(): readonly ModelInfo[] {
    return [this.#info];
  }

  stats(): BackendStats {
    return this.#model?.engine.stats() ?? NO_STATS;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<GenerationEvent> {
    const { engine, grammars, images, template, tokenizer, runner } = this.#loaded();
    const room = { maxModelLen: runner.maxModelLen, maxTokens: request.stopping.maxTokens };
    const built = buildPrompt(request.prompt, tokenizer, template, runner.spec.vision, request.model, room);
    const constraints = await openAnswerConstraints(request, template.dialect, grammars, signal);
    let events: AsyncIterableIterator<EngineEvent>;
    try {
      events = engine.submit(
        {
          ids: built.ids,
          images: images.resolve(built.images, request.cacheSalt),
          n: request.n,
          sampling: request.sampling,
          stopping: request.stopping,
          ...(request.cacheSalt !== undefined && { salt: request.cacheSalt }),
          ...(request.priority !== undefined && { priority: request.priority }),
          constraints,
          output: outputWithCalls(request, template.dialect),
        },
        signal,
      );
    } catch (error) {
      for (const constraint of constraints) constraint.close();
      throw error;
    }
    const start = { type: 'start', promptTokens: built.ids.length, imageTokens: built.imageTokens, promptText: built.promptText } as const;
    for await (const event of readCalls(events, request, template.dialect)) yield event.type === 'begin' ? start : event;
  }

  close(graceMs = 0): Promise<void> {
    this.#closed ??= this.#shutDown(graceMs);
    return this.#closed;
  }

  #loaded(): LoadedModel {
    if (this.#model !== null && this.#closed === null) return this.#model;
    if (this.#closed !== null) throw new ShuttingDown();
    throw new ModelLoading(this.#info.names[0] ?? '');
  }

  async #load(): Promise<void> {
    const { checkpoint, log } = this.#options;
    const startedAt = performance.now();
    const card = await readModelCard(checkpoint);
    this.#info = { ...this.#info, ...card };
    const model = await loadModel({
      checkpoint,
      quantization: this.#options.quantization,
      cacheDir: this.#options.cacheDir,
      maxQueue: this.#options.maxQueue,
      queueTimeoutMs: this.#options.queueTimeoutMs ?? 0,
      prefixCache: this.#options.prefixCache ?? true,
      imageCacheBytes: this.#options.imageCacheBytes ?? defaultImageCacheBytes,
      speculation: this.#options.speculation ?? false,
      ...(this.#options.threads !== undefined && { threads: this.#options.threads }),
      ...(this.#options.maxNumSeqs !== undefined && { slots: this.#options.maxNumSeqs }),
      ...(this.#options.maxModelLen !== undefined && { maxModelLen: this.#options.maxModelLen }),
      ...(this.#options.kvCacheBytes !== undefined && { cacheBytes: this.#options.kvCacheBytes }),
      signal: this.#stop.signal,
      onStep: (step, share) => {
        this.#state = { phase: 'loading', step: share === undefined ? step : `${step} (${Math.round(share * 100)} %)` };
      },
    });
    this.#model = model;
    const { slots, maxModelLen, cacheBytes } = model.capacity;
    this.#info = {
      ...this.#info,
      maxModelLen,
      modalities: model.runner.spec.vision === null ? ['text'] : ['text', 'image'],
      fingerprint: `fp_${this.#options.version}_${model.key.slice(0, 12)}`,
    };
    if (this.#closed !== null) return;
    this.#state = { phase: 'ready' };
    log.info(
      { slots, maxModelLen, cacheBytes, bytesPerToken: cacheBytesPerToken(model.runner.spec.decoder) },
      `the key/value cache comes to take up to ${inUnits(cacheBytes)}: ${slots} sequences of ${maxModelLen} tokens`,
    );
    log.info({ model: this.#info.names[0], ms: Math.round(performance.now() - startedAt) }, 'the model is ready');
  }

  async #shutDown(graceMs: number): Promise<void> {
    this.#stop.abort(new ShuttingDown());
    await this.#loading;
    await this.#model?.close(graceMs);
    this.#state = { phase: 'closed' };
  }
}
