/** What an engine of grammars is told, wherever it runs, and what it answers. */
import type { GrammarSource } from './source.ts';
import type { EngineVocabulary } from './vocabulary.ts';

/** Every operation but `close` ends with one answer, in the order they were sent, and with a new mask in the state's memory. */
export type Operation =
  /** `tokens` have been accepted already, by an engine that is gone or that the state has left. */
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly source: GrammarSource;
      readonly mask: SharedArrayBuffer;
      readonly tokens: number[];
    }
  | { readonly kind: 'fork'; readonly id: number; readonly from: number; readonly mask: SharedArrayBuffer }
  | { readonly kind: 'accept'; readonly id: number; readonly token: number; readonly mask: boolean }
  /** After an `accept` without a mask. */
  | { readonly kind: 'mask'; readonly id: number }
  | { readonly kind: 'rollback'; readonly id: number; readonly tokens: number }
  | { readonly kind: 'close'; readonly id: number };

/** That a state's next operation is done. */
export interface Answer {
  readonly id: number;
  /** What went wrong with it, if anything. */
  readonly error: string | null;
  /** If it has opened a state, the milliseconds that its grammar takes to compile; else 0. */
  readonly compileMs: number;
}

/** Where operations are carried out, in the order they are sent. */
export interface Home {
  send(operation: Operation): void;
  /** Present where one need not wait. */
  readonly inquiry?: Inquiry;
}

/** Of states of which nothing is under way. A failure makes an answer as if an operation had failed. */
export interface Inquiry {
  /** True only if the token may come next; also false for some that may, which are no text. */
  allows(id: number, token: number): boolean;
  /** Carries out what was sent so far, as far as that takes no time. */
  hurry(): void;
}

export interface ThreadData {
  readonly vocabulary: EngineVocabulary;
  /** As `MatchersOptions`. */
  readonly quickMs: number;
  /** Three numbers: operations begun so far, the state that the one under way is about (0 for none), and MiB of memory. */
  readonly progress: SharedArrayBuffer;
}

/** Sent once, when operations are carried out from now on: the engine's code, which another thread may run as well. */
export interface Ready {
  readonly module: WebAssembly.Module;
}
