/** What one choice says: its tokens become text, and each is a possible end. */
import { StopMatcher } from '../sampling/stopping.ts';
import { type Decode, Detokenizer } from '../text/detokenizer.ts';
import type { FinishReason } from '../types.ts';

export interface ContinuationOptions {
  readonly decode: Decode;
  /** Tokens that end the text and are no part of it. */
  readonly endTokenIds: ReadonlySet<number>;
  readonly stop: readonly string[];
  /** Most tokens, the ending one included. */
  readonly maxTokens: number;
}

export interface Said {
  /** Text that is certain: no half character, no part of a stop string. */
  readonly text: string;
  /** Tokens that became final with it; empty while `text` is. */
  readonly tokenIds: readonly number[];
  readonly finish: FinishReason | null;
}

export class Continuation {
  readonly #endTokenIds: ReadonlySet<number>;
  readonly #maxTokens: number;
  readonly #detokenizer: Detokenizer;
  readonly #matcher: StopMatcher;
  #pending: number[] = [];
  #tokens = 0;

  constructor(options: ContinuationOptions) {
    this.#endTokenIds = options.endTokenIds;
    this.#maxTokens = options.maxTokens;
    this.#detokenizer = new Detokenizer(options.decode);
    this.#matcher = new StopMatcher(options.stop);
  }

  /** Tokens so far, the ending one included. */
  get tokens(): number {
    return this.#tokens;
  }

  accept(id: number): Said {
    this.#tokens++;
    if (this.#endTokenIds.has(id)) return this.#end('', 'stop');
    this.#pending.push(id);
    const { text, stopped } = this.#matcher.push(this.#detokenizer.push(id));
    if (stopped) return this.#said(text, 'stop');
    if (this.#tokens >= this.#maxTokens) return this.#end(text, 'length');
    return this.#said(text, null);
  }

  /** Lets out what was held back in the hope of more. */
  #end(text: string, reason: FinishReason): Said {
    const last = this.#matcher.push(this.#detokenizer.end());
    return last.stopped ? this.#said(text + last.text, 'stop') : this.#said(text + last.text + this.#matcher.end(), reason);
  }

  #said(text: string, finish: FinishReason | null): Said {
    if (text === '') return { text, tokenIds: [], finish };
    const tokenIds = this.#pending;
    this.#pending = [];
    return { text, tokenIds, finish };
  }
}
