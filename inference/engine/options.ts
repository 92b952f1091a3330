/** How an engine is set up. */
import type { Decode } from '../text/detokenizer.ts';
import type { ModelRunner } from './model-runner.ts';
import type { Vocabulary } from './token-output.ts';

/** Calls `then` once after `ms` milliseconds, unless what it returns is called before. */
type Timer = (ms: number, then: () => void) => () => void;

export interface EngineOptions {
  /** Stays the caller's: closed by whoever opened it, after the engine. */
  readonly runner: ModelRunner;
  readonly decode: Decode;
  readonly vocabulary: Vocabulary;
  /** Tokens with which the model ends its text. */
  readonly eosTokenIds: readonly number[];
  /** Most sequences that may wait for a slot. */
  readonly maxQueue: number;
  /** Milliseconds after which a request that has never had a slot is refused with QueueTimeout; 0, the default, for never. */
  readonly queueTimeoutMs?: number;
  /** For tests; default `setTimeout`. */
  readonly timer?: Timer;
  /** Bytes of image features kept for later requests; 0 keeps none. */
  readonly imageCacheBytes: number;
  /** Prompts start from what earlier and running ones have in the cache; answers are the same bits as without. Default true. */
  readonly prefixCache?: boolean;
  /** Prompt tokens of one run, at least 3, and the most between two decode steps. Smaller: steadier streams; larger: faster first tokens. */
  readonly prefillChunk?: number;
  /** Prompt tokens that there may be at least between two decode steps, however many decode. Default `prefillChunk`. */
  readonly leastChunk?: number;
  /** Most images of one run of the vision encoder while nothing decodes. */
  readonly imageBatch?: number;
  /**
   * Tokens are guessed ahead where they are likely enough to be worth computing; answers are the same bits as without. Needs a
   * runner of which `rowsAreExact` holds. Default false.
   */
  readonly speculation?: boolean;
  /** Unread events at which a request stops decoding until its reader has caught up. */
  readonly maxUnread?: number;
}

const timer: Timer = (ms, then) => {
  const timeout = setTimeout(then, ms);
  return () => clearTimeout(timeout);
};

/** What holds where nothing is said. */
export const engineDefaults = {
  prefixCache: true,
  prefillChunk: 128,
  imageBatch: 8,
  maxUnread: 64,
  queueTimeoutMs: 0,
  speculation: false,
  timer,
};
