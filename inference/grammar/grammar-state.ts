/** Where one sequence stands in its grammar. A grammar engine, here or on another thread, writes the mask; this side reads it. */
import type { Constraint } from '../engine/constraint.ts';
import type { Home, Operation } from './messages.ts';
import type { GrammarSource } from './source.ts';
import { SILENT, type Vocabulary } from './vocabulary.ts';

/** What the states of one service share. */
export interface StateLink {
  readonly vocabulary: Vocabulary;
  /** @returns the id of the new state */
  add(state: GrammarState): number;
  remove(id: number): void;
}

export interface StateOptions {
  readonly link: StateLink;
  readonly source: GrammarSource;
  /** Field of the caller that asked for the grammar. */
  readonly param: string;
  /** Of the tokens that may come it is always the one with the largest logit that comes. */
  readonly greedy: boolean;
}

export class GrammarState implements Constraint {
  readonly id: number;
  readonly source: GrammarSource;
  readonly param: string;
  readonly #options: StateOptions;
  #home: Home;
  readonly #memory: SharedArrayBuffer;
  /** One bit a token, set for those that may come next. */
  readonly #mask: Uint32Array;
  /** True if the mask is, or by the last answer will be, that of the next token. */
  #masked = true;
  /** Instead of a mask: the largest logit's token that may come, once it is known, and those with larger ones, which may not. */
  #largest: number | null = null;
  #refused: number[] = [];
  /** The mask as the engine wrote it, while the first token is yet to come. */
  #asWritten: Uint32Array | null = null;
  /** Tokens accepted, as the engine was told them, or SILENT. */
  #tokens: number[];
  /** Operations without an answer yet. */
  #pending = 1;
  #failure: Error | null = null;
  /** Those who wait for the last answer. */
  #waiting: ((failure: Error | null) => void)[] = [];
  #closed = false;

  /**
   * @param home the engine that begins with it
   * @param origin state that this one is a copy of, of the same home; absent begins at the beginning
   */
  constructor(options: StateOptions, home: Home, origin?: GrammarState) {
    const { link, source, param } = options;
    this.#options = options;
    this.#home = home;
    this.source = source;
    this.param = param;
    this.#memory = new SharedArrayBuffer(link.vocabulary.lengths.length / 8);
    this.#mask = new Uint32Array(this.#memory);
    this.#tokens = origin === undefined ? [] : [...origin.#tokens];
    this.id = link.add(this);
    const { id } = this;
    if (origin === undefined) this.reopen();
    else if (origin.#failure !== null) this.abandon(origin.#failure);
    else home.send({ kind: 'fork', id, from: origin.id, mask: this.#memory });
  }

  get home(): Home {
    return this.#home;
  }

  get ready(): boolean {
    return this.#pending === 0 && this.#failure === null && (this.#masked || this.#largest !== null);
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  /** @throws GrammarRefused, EngineFailure */
  async settle(): Promise<void> {
    // Node hands over the last answers of a thread that died and the news of its death in one go: the state is open again by then.
    while (!this.ready) {
      if (this.#failure !== null) throw this.#failure;
      this.#askForMask();
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push((failure) => (failure === null ? resolve() : reject(failure)));
      });
    }
  }

  hurry(logits: Float32Array): boolean {
    const { inquiry } = this.#home;
    if (inquiry === undefined || this.#masked || this.#pending > 0 || this.failed) return this.ready;
    while (this.#refused.length < MAX_REFUSED) {
      const token = largestBut(logits, this.#refused);
      if (inquiry.allows(this.id, token)) {
        this.#largest = token;
        return true;
      }
      // It may have failed, and is with another engine now.
      if (this.#pending > 0) return false;
      this.#refused.push(token);
    }
    this.#askForMask();
    inquiry.hurry();
    return this.ready;
  }

  apply(logits: Float32Array): void {
    if (!this.ready) throw new Error('The mask of the next token is not there yet.');
    if (!this.#masked) {
      for (const token of this.#refused) logits[token] = Number.NEGATIVE_INFINITY;
      return;
    }
    const mask = this.#mask;
    const size = logits.length;
    for (let word = 0, start = 0; start < size; word++, start += 32) {
      const bits = mask[word] ?? 0;
      if (bits === ALL) continue;
      const end = Math.min(start + 32, size);
      if (bits === 0) logits.fill(Number.NEGATIVE_INFINITY, start, end);
      else for (let id = start; id < end; id++) if (((bits >>> (id - start)) & 1) === 0) logits[id] = Number.NEGATIVE_INFINITY;
    }
  }

  accept(token: number): void {
    const { first } = this.#options.link.vocabulary;
    const meant = this.#tokens.length === 0 ? (first.get(token) ?? token) : token;
    this.#tokens.push(meant);
    if (meant !== SILENT) {
      this.#expectMask(!this.#options.greedy || this.#home.inquiry === undefined);
      this.#send({ kind: 'accept', id: this.id, token: meant, mask: this.#masked });
    } else if (this.#asWritten !== null) this.#mask.set(this.#asWritten);
  }

  /** Takes the last tokens back. */
  rollback(tokens: number): void {
    if (tokens < 1 || tokens > this.#tokens.length) throw new RangeError(`Cannot take ${tokens} of ${this.#tokens.length} tokens back.`);
    const told = this.#tokens.splice(-tokens).filter((token) => token !== SILENT).length;
    if (told > 0) {
      this.#expectMask(true);
      this.#send({ kind: 'rollback', id: this.id, tokens: told });
    } else this.#admitFirstTokens();
  }

  /** A copy that goes its own way from here. */
  fork(): GrammarState {
    return new GrammarState(this.#options, this.#home, this);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#home.send({ kind: 'close', id: this.id });
    this.#options.link.remove(this.id);
    this.abandon(new Error('The grammar state is closed.'));
  }

  /** Goes on with another engine from where it stands. */
  move(home: Home): void {
    this.#home.send({ kind: 'close', id: this.id });
    this.#home = home;
    this.reopen();
  }

  /** Brings its engine to where it is; what has no answer yet will have none. */
  reopen(): void {
    this.#pending = 1;
    this.#expectMask(true);
    const tokens = this.#tokens.filter((token) => token !== SILENT);
    this.#home.send({ kind: 'open', id: this.id, source: this.source, mask: this.#memory, tokens });
  }

  /** One operation is done. */
  answer(failure: Error | null): void {
    this.#pending--;
    if (failure !== null) this.abandon(failure);
    else if (this.#pending === 0) {
      if (this.#tokens.length === 0) this.#admitFirstTokens();
      this.#wake(null);
    }
  }

  /** No mask will come any more. */
  abandon(failure: Error): void {
    this.#failure ??= failure;
    this.#wake(this.#failure);
  }

  #send(operation: Operation): void {
    if (this.#closed) throw new Error('The grammar state is closed.');
    if (this.failed) return;
    this.#pending++;
    this.#home.send(operation);
  }

  #askForMask(): void {
    if (this.#masked) return;
    this.#expectMask(true);
    this.#send({ kind: 'mask', id: this.id });
  }

  #expectMask(masked: boolean): void {
    this.#masked = masked;
    this.#largest = null;
    this.#refused = [];
  }

  #wake(failure: Error | null): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell(failure);
  }

  /** A token whose leading space will not be shown may come if what is left of it may. */
  #admitFirstTokens(): void {
    const mask = this.#mask;
    const asWritten = mask.slice();
    this.#asWritten = asWritten;
    for (const [spaced, plain] of this.#options.link.vocabulary.first) {
      const may = plain === SILENT || (plain !== null && (((asWritten[plain >> 5] ?? 0) >>> (plain & 31)) & 1) === 1);
      const bit = 1 << (spaced & 31);
      const word = mask[spaced >> 5] ?? 0;
      mask[spaced >> 5] = may ? word | bit : word & ~bit;
    }
  }
}

const ALL = 0xffffffff;
/** So many tokens are tried before all are. Where hardly any may come a mask is soon there, and where most may one of the first may. */
const MAX_REFUSED = 3;

/** Index of the largest logit, the first of equals, but for a few. */
function largestBut(logits: Float32Array, except: readonly number[]): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > largest && !except.includes(id)) {
      largest = logit;
      best = id;
    }
  }
  return best;
}
