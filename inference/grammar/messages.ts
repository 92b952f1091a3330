/** What the thread with the grammar engine is told, and what it answers. */
import type { GrammarSource } from './source.ts';
import type { EngineVocabulary } from './vocabulary.ts';

/** Every operation but `close` ends with a new mask in the state's memory and one answer, in the order they were sent. */
export type Operation =
  /** `tokens` have been accepted already, by an engine that is gone. */
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly source: GrammarSource;
      readonly mask: SharedArrayBuffer;
      readonly tokens: number[];
    }
  | { readonly kind: 'fork'; readonly id: number; readonly from: number; readonly mask: SharedArrayBuffer }
  | { readonly kind: 'accept'; readonly id: number; readonly token: number }
  | { readonly kind: 'rollback'; readonly id: number; readonly tokens: number }
  | { readonly kind: 'close'; readonly id: number };

/** States whose next operation is done, and what went wrong with it, if anything. */
export type Answer = readonly { readonly id: number; readonly error: string | null }[];

export interface ThreadData {
  readonly vocabulary: EngineVocabulary;
  /** Three numbers: operations begun so far, the state that the one under way is about (0 for none), and MiB of memory. */
  readonly progress: SharedArrayBuffer;
}

/** Sent once, when operations are carried out from now on. */
export const READY = 'ready';
