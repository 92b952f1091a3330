/** A backend that plays what a test wrote down, for tests of the protocol around it. */
import type { Backend, BackendState, GenerationEvent, GenerationRequest, ModelInfo } from '../inference/types.ts';

export const scriptedModel: ModelInfo = {
  names: ['scripted', 'accounts/test/models/scripted'],
  created: 1_700_000_000,
  maxModelLen: 2048,
  license: 'apache-2.0',
  modalities: ['text', 'image'],
  fingerprint: 'fp_test',
};

export type Script = (request: GenerationRequest, signal: AbortSignal) => AsyncIterable<GenerationEvent>;

export interface ScriptedBackend extends Backend {
  /** Requests in the order in which they arrived. */
  readonly requests: GenerationRequest[];
  /** Signals of the same requests. */
  readonly signals: AbortSignal[];
  phase: BackendState;
  waiting: number;
  script: Script;
  closedWith: number | undefined;
  /** Iterations that were started and not yet ended. */
  open: number;
}

/** Says `words` in every choice, one event a word, then stops. */
export function saying(...words: readonly string[]): Script {
  return async function* ({ n }) {
    yield { type: 'start', promptTokens: 7, imageTokens: 4, promptText: 'PROMPT ' };
    for (const text of words) {
      for (let choice = 0; choice < n; choice += 1) yield { type: 'text', choice, text, tokenIds: [1] };
    }
    for (let choice = 0; choice < n; choice += 1) {
      yield { type: 'finish', choice, reason: choice === 0 ? 'stop' : 'length', completionTokens: words.length };
    }
    yield {
      type: 'done',
      usage: { promptTokens: 7, completionTokens: words.length * n, imageTokens: 4, cachedTokens: 2 },
      timings: { queueMs: 1, prefillMs: 2, decodeMs: 3 },
    };
  };
}

/** Fails before its first event. */
export function refusing(error: Error): Script {
  return () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) });
}

/** Resolves when the signal aborts; never otherwise. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export function scriptedBackend(script: Script = saying('Hello', ' world')): ScriptedBackend {
  const backend: ScriptedBackend = {
    requests: [],
    signals: [],
    phase: { phase: 'ready' },
    waiting: 0,
    script,
    closedWith: undefined,
    open: 0,
    state: () => backend.phase,
    ready: async () => undefined,
    models: () => [scriptedModel],
    async *generate(request, signal) {
      backend.requests.push(request);
      backend.signals.push(signal);
      backend.open += 1;
      try {
        yield* backend.script(request, signal);
      } finally {
        backend.open -= 1;
      }
    },
    stats: () => ({
      running: backend.open,
      waiting: backend.waiting,
      slots: 4,
      // Nobody waits while there is a slot.
      freeSlots: backend.waiting > 0 ? 0 : 4,
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
    }),
    async close(graceMs) {
      backend.closedWith = graceMs;
      backend.phase = { phase: 'closed' };
    },
  };
  return backend;
}
