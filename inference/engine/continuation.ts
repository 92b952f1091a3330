/** What one choice says: its tokens become text, and each is a possible end. */
import { StopMatcher } from '../sampling/stopping.ts';
import { type Decode, Detokenizer } from '../text/detokenizer.ts';
import type { FinishReason, TokenLogprobs } from '../types.ts';

export interface ContinuationOptions {
  readonly decode: Decode;
  /** Last tokens of the text that this one continues; default none. */
  readonly before?: readonly number[];
  /** Tokens that end the text. */
  readonly endTokenIds: ReadonlySet<number>;
  readonly stop: readonly string[];
  /** Most tokens, the ending one included. */
  readonly maxTokens: number;
  /** So many tokens end nothing, and their text is not searched for stop strings. Default 0. */
  readonly minTokens?: number;
  /** What ends the text, stop string or end token, is part of it. Default false. */
  readonly includeStop?: boolean;
}

/** Log probabilities of a token whose place in the text is not known yet. */
export type TokenScore = Omit<TokenLogprobs, 'offset'>;

export interface Said {
  /** Text that is certain: no half character, no part of a stop string. */
  readonly text: string;
  /** Tokens that became final with it: none while `text` is empty and there may be more. */
  readonly tokenIds: readonly number[];
  /** One for each of `tokenIds`, if they were given. */
  readonly logprobs: readonly TokenLogprobs[] | null;
  readonly finish: FinishReason | null;
}

interface PendingToken {
  readonly id: number;
  /** UTF-16 code units of the text before it. */
  readonly offset: number;
  readonly logprobs: TokenLogprobs | null;
}

export class Continuation {
  readonly #endTokenIds: ReadonlySet<number>;
  readonly #maxTokens: number;
  readonly #minTokens: number;
  readonly #includeStop: boolean;
  readonly #detokenizer: Detokenizer;
  readonly #matcher: StopMatcher;
  #pending: PendingToken[] = [];
  #tokens = 0;
  /** Code units that the detokeniser has let out. */
  #decoded = 0;
  /** The same in code points, counted only for tokens with log probabilities. */
  #characters = 0;
  /** Code units that were said. */
  #said = 0;
  #logprob: number | null = null;

  constructor(options: ContinuationOptions) {
    this.#endTokenIds = options.endTokenIds;
    this.#maxTokens = options.maxTokens;
    this.#minTokens = options.minTokens ?? 0;
    this.#includeStop = options.includeStop ?? false;
    this.#detokenizer = new Detokenizer(options.decode, options.before);
    this.#matcher = new StopMatcher(options.stop, this.#includeStop);
  }

  /** Tokens so far, the ending one included. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Most tokens that may yet come. */
  get left(): number {
    return this.#maxTokens - this.#tokens;
  }

  /** Sum over the tokens so far, the ending one included; null if they came without. */
  get logprob(): number | null {
    return this.#logprob;
  }

  accept(id: number, score: TokenScore | null = null): Said {
    this.#tokens++;
    if (score !== null) this.#logprob = (this.#logprob ?? 0) + score.logprob;
    const mayEnd = this.#tokens > this.#minTokens;
    const ends = mayEnd && this.#endTokenIds.has(id);
    if (ends && !this.#includeStop) return this.#end('', 'stop');
    this.#pending.push({ id, offset: this.#decoded, logprobs: score && { ...score, offset: this.#characters } });
    const decoded = this.#detokenizer.push(id);
    this.#decoded += decoded.length;
    if (score !== null) this.#characters += Array.from(decoded).length;
    const { text, stopped } = mayEnd ? this.#matcher.push(decoded) : { text: decoded, stopped: false };
    if (stopped) return this.#cut(text);
    if (ends) return this.#end(text, 'stop');
    if (this.#tokens >= this.#maxTokens) return this.#end(text, 'length');
    return text === '' ? { text, tokenIds: [], logprobs: null, finish: null } : this.#say(text, null);
  }

  /** Lets out what was held back in the hope of more. */
  #end(text: string, reason: FinishReason): Said {
    const last = this.#matcher.push(this.#detokenizer.end());
    return last.stopped ? this.#cut(text + last.text) : this.#say(text + last.text + this.#matcher.end(), reason);
  }

  /** A stop string ended the text: tokens that begin beyond it are none of the answer. */
  #cut(text: string): Said {
    const length = this.#said + text.length;
    this.#pending = this.#pending.filter(({ offset }) => offset < length);
    return this.#say(text, 'stop');
  }

  #say(text: string, finish: FinishReason | null): Said {
    const tokenIds = this.#pending.map(({ id }) => id);
    const logprobs = this.#pending.flatMap((token) => token.logprobs ?? []);
    this.#pending = [];
    this.#said += text.length;
    return { text, tokenIds, logprobs: this.#logprob === null ? null : logprobs, finish };
  }
}
