/** Holds answers to grammars. One thread compiles them; those that are quick then go on beside the model where the vocabulary is small. */
import { LRUCache } from 'lru-cache';
import { EngineFailure, GrammarRefused, ShuttingDown } from '../errors.ts';
import type { GrammarSpec } from '../types.ts';
import { GrammarState, type StateLink } from './grammar-state.ts';
import { GrammarThread } from './grammar-thread.ts';
import { InlineEngine } from './inline-engine.ts';
import type { Answer, Home } from './messages.ts';
import { explain } from './reasons.ts';
import { type GrammarSource, grammarSource } from './source.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface GrammarServiceOptions {
  /** An operation of the thread that has not ended between two looks, so many milliseconds apart, ends with it. Default 2000. */
  readonly patienceMs?: number;
  /** Grammars that compile in fewer milliseconds are followed outside of the thread. Default 3 for a small vocabulary, else 0. */
  readonly inlineMs?: number;
}

const keyOf = ({ type, text }: GrammarSource) => `${type} ${text}`;

export class GrammarService {
  readonly #vocabulary: Vocabulary;
  readonly #link: StateLink;
  readonly #thread: GrammarThread;
  readonly #inlineMs: number;
  #inline: InlineEngine | null = null;
  readonly #states = new Map<number, GrammarState>();
  /** Where grammars are to be followed from the beginning; those that took a thread down are not tried again. */
  readonly #known = new LRUCache<string, 'inline' | 'thread' | 'nowhere'>({ max: 1024 });
  #nextId = 1;
  #closed = false;

  constructor(vocabulary: Vocabulary, { patienceMs = 2000, inlineMs = InlineEngine.compileMs(vocabulary) }: GrammarServiceOptions = {}) {
    this.#vocabulary = vocabulary;
    this.#inlineMs = inlineMs;
    this.#thread = new GrammarThread({
      vocabulary,
      patienceMs,
      quickMs: inlineMs,
      onAnswer: (answer) => this.#onThreadAnswer(answer),
      onLost: (culprit, cause) => this.#onThreadLost(culprit, cause),
    });
    this.#link = {
      vocabulary,
      add: (state) => {
        const id = this.#nextId++;
        this.#states.set(id, state);
        return id;
      },
      remove: (id) => this.#remove(id),
    };
  }

  /**
   * Compiles a grammar, or finds it compiled.
   * @param param field of the caller that asked for it
   * @param greedy true if of the tokens that may come the one with the largest logit will always come: less work
   * @returns a state at the beginning of the grammar, ready; the caller closes it
   * @throws GrammarRefused for a grammar that is wrong, too large or beyond the engine; ShuttingDown; the signal's reason
   */
  async open(spec: GrammarSpec, param: string, signal: AbortSignal, greedy = false): Promise<GrammarState> {
    signal.throwIfAborted();
    const source = grammarSource(spec, param);
    if (this.#known.get(keyOf(source)) === 'nowhere') throw new GrammarRefused(TOO_COMPLEX, param);
    if (this.#closed) throw new ShuttingDown();
    const state = new GrammarState({ link: this.#link, source, param, greedy }, this.#homeOf(source));
    try {
      await state.settle();
      const home = this.#homeOf(source);
      if (home !== state.home) {
        state.move(home);
        await state.settle();
      }
      signal.throwIfAborted();
      return state;
    } catch (error) {
      state.close();
      throw error;
    }
  }

  /** Ends the thread; states that are still open fail. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const state of this.#states.values()) state.abandon(new ShuttingDown());
    this.#inline?.stop();
    await this.#thread.stop();
  }
  /** The thread for what is not known yet. */
  #homeOf(source: GrammarSource): Home {
    const { module } = this.#thread;
    if (module === null || this.#known.get(keyOf(source)) !== 'inline') return this.#thread;
    this.#inline ??= new InlineEngine({
      module,
      vocabulary: this.#vocabulary,
      onAnswer: (answer) => this.#onInlineAnswer(answer),
      onLost: (culprit) => this.#onInlineLost(culprit),
    });
    return this.#inline;
  }

  #remove(id: number): void {
    this.#states.delete(id);
    // WebAssembly never gives memory back: a thread that grew large goes when nothing needs it.
    if (this.#thread.memoryMiB > MAX_IDLE_MIB && this.#statesOf(this.#thread).length === 0) void this.#thread.stop();
  }

  #statesOf(home: Home): GrammarState[] {
    return [...this.#states.values()].filter((state) => state.home === home && !state.failed);
  }

  #onThreadAnswer({ id, error, compileMs }: Answer): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    const key = keyOf(state.source);
    if (compileMs > 0 && compileMs < this.#inlineMs && !this.#known.has(key)) this.#known.set(key, 'inline');
    state.answer(error === null ? null : new GrammarRefused(explain(error), state.param));
  }

  /** Whoever was being served is refused; all others go on with a new thread where they stood. */
  #onThreadLost(culpritId: number, cause: unknown): void {
    const culprit = this.#states.get(culpritId);
    if (culprit === undefined) {
      const failure = new EngineFailure('The grammar engine failed.', { cause });
      for (const state of this.#statesOf(this.#thread)) state.abandon(failure);
      return;
    }
    this.#known.set(keyOf(culprit.source), 'nowhere');
    culprit.abandon(new GrammarRefused(TOO_COMPLEX, culprit.param));
    for (const state of this.#statesOf(this.#thread)) state.reopen();
  }

  #onInlineAnswer({ id, error }: Answer): void {
    const state = this.#states.get(id);
    if (error === null) state?.answer(null);
    else if (state !== undefined) this.#toThread(state);
  }

  #onInlineLost(culprit: number): void {
    const lost = this.#inline;
    if (lost === null) return;
    for (const state of this.#statesOf(lost)) {
      if (state.id === culprit) this.#toThread(state);
      else state.move(this.#thread);
    }
  }

  /** The thread has more patience. */
  #toThread(state: GrammarState): void {
    this.#known.set(keyOf(state.source), 'thread');
    state.move(this.#thread);
  }
}

/** With 50,000 tokens some 40 MiB are in use. */
const MAX_IDLE_MIB = 256;

const TOO_COMPLEX = 'it is too complex to be held to; make it smaller.';
