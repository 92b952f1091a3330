/** The grammar engine's side of grammar states: a matcher and the memory for its mask for each. */
import { LRUCache } from 'lru-cache';
import { GrammarError, type Limits, Llguidance, type Matcher } from './llguidance.ts';
import type { Operation } from './messages.ts';
import type { GrammarSource } from './source.ts';
import type { EngineVocabulary } from './vocabulary.ts';

interface State {
  readonly matcher: Matcher;
  readonly mask: Uint32Array;
}

interface Compiled {
  readonly matcher: Matcher;
  /** Milliseconds that it took with its first mask. */
  readonly ms: number;
  /** How often this was measured. */
  readonly times: number;
}

export interface MatchersOptions {
  readonly limits?: Limits;
  /** Whether a grammar compiles in fewer milliseconds is worth finding out; 0, the default, if not. */
  readonly quickMs?: number;
}

/** Whether a compilation is to be measured again: code that runs for the first time is slow, and so is what shares a busy processor. */
function isDoubtful({ ms, times }: Compiled, quickMs: number): boolean {
  return quickMs > 0 && ms >= quickMs && times < (ms < 20 ? 16 : ms < 300 ? 3 : 1);
}

/** What is thrown and is no GrammarError is a trap: all is lost then. */
export class Matchers {
  readonly #engine: Llguidance;
  readonly #vocabulary: EngineVocabulary;
  readonly #quickMs: number;
  readonly #states = new Map<number, State>();
  /** Untouched matchers by their sources: a copy takes a fraction of a compilation. Bounded by the length of the sources. */
  readonly #compiled = new LRUCache<string, Compiled>({
    max: 64,
    maxSize: 2 ** 21,
    sizeCalculation: (_, source) => source.length,
    dispose: ({ matcher }) => this.#engine.free(matcher),
  });

  constructor(module: WebAssembly.Module, vocabulary: EngineVocabulary, { limits, quickMs = 0 }: MatchersOptions = {}) {
    this.#engine = new Llguidance(module, vocabulary, limits);
    this.#vocabulary = vocabulary;
    this.#quickMs = quickMs;
  }

  get memoryBytes(): number {
    return this.#engine.memoryBytes;
  }

  /**
   * @returns for a state that was opened the milliseconds that its grammar takes to compile, at best; else 0
   * @throws GrammarError for a grammar that is refused, beyond the limits, or at an end
   */
  perform(operation: Operation): number {
    if (operation.kind === 'close') {
      this.#close(operation.id);
      return 0;
    }
    if (operation.kind === 'open') return this.#open(operation);
    if (operation.kind === 'fork') {
      this.#states.set(operation.id, {
        matcher: this.#engine.copy(this.#stateOf(operation.from).matcher),
        mask: new Uint32Array(operation.mask),
      });
    }
    const state = this.#stateOf(operation.id);
    if (operation.kind === 'accept') this.#engine.consume(state.matcher, operation.token);
    if (operation.kind === 'rollback') this.#engine.rollback(state.matcher, operation.tokens);
    if (operation.kind !== 'accept' || operation.mask) this.#fillMask(state);
    return 0;
  }

  /** True only if the token may come next; also false for the end and for what else is no text. @throws GrammarError beyond the limits */
  allows(id: number, token: number): boolean {
    return (this.#vocabulary.lengths[token] ?? 0) > 0 && this.#engine.allows(this.#stateOf(id).matcher, token);
  }

  #open({ id, source, mask: memory, tokens }: Operation & { readonly kind: 'open' }): number {
    const mask = new Uint32Array(memory);
    const { matcher: origin, ms } = this.#compile(source, mask);
    const state = { matcher: this.#engine.copy(origin), mask };
    this.#states.set(id, state);
    for (const token of tokens) this.#engine.consume(state.matcher, token);
    this.#fillMask(state);
    return ms;
  }

  #compile({ type, text }: GrammarSource, mask: Uint32Array): Compiled {
    const key = `${type} ${text}`;
    const known = this.#compiled.get(key);
    if (known !== undefined && !isDoubtful(known, this.#quickMs)) return known;
    const begun = performance.now();
    const matcher = this.#engine.compile(type, text);
    try {
      this.#engine.fillMask(matcher, mask);
    } catch (error) {
      this.#engine.free(matcher);
      throw error;
    }
    const ms = Math.min(performance.now() - begun, known?.ms ?? Number.POSITIVE_INFINITY);
    const compiled = { matcher, ms, times: 1 + (known?.times ?? 0) };
    this.#compiled.set(key, compiled);
    return compiled;
  }

  #fillMask({ matcher, mask }: State): void {
    this.#engine.fillMask(matcher, mask);
    const { endToken, endTokens } = this.#vocabulary;
    if ((((mask[endToken >> 5] ?? 0) >>> (endToken & 31)) & 1) === 0) return;
    for (const token of endTokens) mask[token >> 5] = (mask[token >> 5] ?? 0) | (1 << (token & 31));
  }

  #stateOf(id: number): State {
    const state = this.#states.get(id);
    if (state === undefined) throw new GrammarError('Its grammar was refused before.');
    return state;
  }

  #close(id: number): void {
    const state = this.#states.get(id);
    if (this.#states.delete(id) && state !== undefined) this.#engine.free(state.matcher);
  }
}
