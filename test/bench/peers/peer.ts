/** What a server of the comparison is: how it is had, started and asked. */
import type { SmolLm2Files } from '../model/smollm2.ts';

/** What a server needs to know to start. */
export interface Setting {
  /** The folder that `install` has filled. */
  readonly folder: string;
  readonly files: SmolLm2Files;
  readonly port: number;
  readonly threads: number;
  /** Sequences at once, and tokens of one. */
  readonly slots: number;
  readonly contextLength: number;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Answers 200 once the model is loaded. */
  readonly readyPath: string;
  /** What a request calls the model. */
  readonly model: string;
}

export interface Peer {
  readonly name: string;
  /** Packages with their pinned versions, and how it is built. */
  readonly version: string;
  /** Bits of the weights and of the cache. */
  readonly precision: string;
  /**
   * Puts everything into `folder`, which exists; must be quick when it is all there.
   * @throws CommandFailed when it cannot be had
   */
  install(folder: string): Promise<void>;
  launch(setting: Setting): Launch;
  /** Added to each request: holds the answer to exactly `tokens` tokens. */
  length(tokens: number): Readonly<Record<string, unknown>>;
}
