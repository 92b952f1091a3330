/** llguidance's C interface (`llguidance.h` 1.4) over one instance of its WebAssembly: a vocabulary, and matchers that walk grammars. */

import type { EngineVocabulary } from './vocabulary.ts';
import { type Exports, instantiate } from './wasm-instance.ts';

/** `LlgTokenizerInit`: eleven words. */
const TOKENIZER_INIT_BYTES = 44;
/** `LlgConstraintInit` in wasm32, with the offsets of the fields that are set or checked. */
const init = {
  bytes: 56,
  bufferLog: 4,
  stderrLog: 8,
  maxItemsInRow: 16,
  stepFuel: 32,
  stepItems: 40,
  maxLexerStates: 44,
  maxGrammarSize: 48,
  verbose: 53,
} as const;
const ERROR_BYTES = 1024;

/** Where the engine gives a grammar up. */
export interface Limits {
  /** Expressions that the lexer may build for one operation. */
  readonly stepFuel: number;
  /** Items of the parser (Earley's) for one operation. */
  readonly stepItems: number;
  /** States of the lexer, 1 to 2 kB each, that one answer may lead to. */
  readonly lexerStates: number;
  /** Symbols of a grammar. */
  readonly grammarSize: number;
}

/**
 * The first two are the engine's own. Its 500,000 symbols take seconds to build; 20,000 are a schema of some 2,000 properties. Of
 * its 250,000 lexer states an expression with exponentially many would fill the memory.
 */
const defaults: Limits = { stepFuel: 200_000, stepItems: 50_000, lexerStates: 30_000, grammarSize: 20_000 };

/** What the engine says of a grammar that it refuses, or of a token that does not fit. */
export class GrammarError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A matcher's address. Whoever made it frees it. */
export type Matcher = number;

/** A trap (RuntimeError, RangeError) leaves an instance in an unknown state: throw it away then. */
export class Llguidance {
  readonly #wasm: Exports;
  readonly #init: number;
  readonly #mask: number;
  readonly #token: number;
  readonly #maskBytes: number;

  /** @throws GrammarError if the vocabulary is refused */
  constructor(module: WebAssembly.Module, vocabulary: EngineVocabulary, limits: Limits = defaults) {
    this.#wasm = instantiate(module);
    const tokenizer = this.#createTokenizer(vocabulary);
    this.#init = this.#put(new Uint8Array(init.bytes));
    this.#wasm.llg_constraint_init_set_defaults(this.#init, tokenizer);
    const fields = this.#view();
    if (
      fields.getUint32(this.#init + init.maxItemsInRow, true) !== 2000 ||
      fields.getBigUint64(this.#init + init.stepFuel, true) !== BigInt(defaults.stepFuel) ||
      fields.getUint32(this.#init + init.stepItems, true) !== defaults.stepItems
    ) {
      throw new GrammarError('The engine lays out its settings in another way than expected.');
    }
    fields.setUint32(this.#init + init.bufferLog, 0, true);
    fields.setUint32(this.#init + init.stderrLog, 0, true);
    fields.setBigUint64(this.#init + init.stepFuel, BigInt(limits.stepFuel), true);
    fields.setUint32(this.#init + init.stepItems, limits.stepItems, true);
    fields.setUint32(this.#init + init.maxLexerStates, limits.lexerStates, true);
    fields.setUint32(this.#init + init.maxGrammarSize, limits.grammarSize, true);
    fields.setUint8(this.#init + init.verbose, 0);
    this.#maskBytes = vocabulary.lengths.length / 8;
    this.#mask = this.#put(new Uint8Array(this.#maskBytes));
    this.#token = this.#put(new Uint8Array(4));
  }

  get memoryBytes(): number {
    return this.#wasm.memory.buffer.byteLength;
  }

  /**
   * @param type `json_schema`, `regex` or `lark`
   * @throws GrammarError with the reason for which the grammar is refused
   */
  compile(type: string, text: string): Matcher {
    const typeAt = this.#putString(type);
    const textAt = this.#putString(text);
    const matcher = this.#wasm.llg_new_matcher(this.#init, typeAt, textAt) >>> 0;
    this.#free(typeAt, type);
    this.#free(textAt, text);
    const error = this.#errorOf(matcher);
    if (error === null) return matcher;
    this.free(matcher);
    throw new GrammarError(error);
  }

  copy(matcher: Matcher): Matcher {
    return this.#wasm.llg_clone_matcher(matcher) >>> 0;
  }

  /** @throws GrammarError if the grammar does not allow the token here */
  consume(matcher: Matcher, token: number): void {
    if (this.#wasm.llg_matcher_consume_token(matcher, token) !== 0) this.#fail(matcher);
  }

  /** Whether a token that is text may come next: a fraction of the work of a mask. @throws GrammarError beyond the limits */
  allows(matcher: Matcher, token: number): boolean {
    this.#view().setUint32(this.#token, token, true);
    const valid = this.#wasm.llg_matcher_validate_tokens(matcher, this.#token, 1);
    if (valid < 0) this.#fail(matcher);
    return valid === 1;
  }

  /** Takes the last tokens back. @throws GrammarError if there are not so many */
  rollback(matcher: Matcher, tokens: number): void {
    if (this.#wasm.llg_matcher_rollback(matcher, tokens) !== 0) this.#fail(matcher);
  }

  /**
   * Writes one bit a token, least significant first, for the tokens that may come next; the end token's is set where the text may end.
   * @throws GrammarError if no token may come
   */
  fillMask(matcher: Matcher, mask: Uint32Array): void {
    if (this.#wasm.llg_matcher_compute_mask_into(matcher, this.#mask, this.#maskBytes) !== 0) this.#fail(matcher);
    mask.set(new Uint32Array(this.#wasm.memory.buffer, this.#mask, mask.length));
  }

  free(matcher: Matcher): void {
    this.#wasm.llg_free_matcher(matcher);
  }

  #createTokenizer({ bytes, lengths, endToken }: EngineVocabulary): number {
    const at = this.#put(new Uint8Array(TOKENIZER_INIT_BYTES));
    const lengthsAt = this.#put(new Uint8Array(lengths.buffer, lengths.byteOffset, lengths.byteLength));
    const bytesAt = this.#put(bytes);
    const errorAt = this.#put(new Uint8Array(ERROR_BYTES));
    const greedy = 1;
    const words = [lengths.length, endToken, lengthsAt, bytesAt, 0, 0, 0, greedy, 0, 0];
    for (const [index, word] of words.entries()) this.#view().setUint32(at + 4 * index, word, true);
    const tokenizer = this.#wasm.llg_new_tokenizer(at, errorAt, ERROR_BYTES) >>> 0;
    if (tokenizer === 0) throw new GrammarError(this.#readString(errorAt));
    this.#wasm.__wbindgen_free(lengthsAt, lengths.byteLength, 8);
    this.#wasm.__wbindgen_free(bytesAt, bytes.byteLength, 8);
    return tokenizer;
  }

  #fail(matcher: Matcher): never {
    throw new GrammarError(this.#errorOf(matcher) ?? 'The engine failed without a reason.');
  }

  #errorOf(matcher: Matcher): string | null {
    const at = this.#wasm.llg_matcher_get_error(matcher) >>> 0;
    return at === 0 ? null : this.#readString(at);
  }

  #put(bytes: Uint8Array): number {
    const at = this.#wasm.__wbindgen_malloc(bytes.byteLength, 8) >>> 0;
    new Uint8Array(this.#wasm.memory.buffer).set(bytes, at);
    return at;
  }

  #putString(text: string): number {
    return this.#put(Buffer.from(`${text}\0`));
  }

  #free(at: number, text: string): void {
    this.#wasm.__wbindgen_free(at, Buffer.byteLength(text) + 1, 8);
  }

  #readString(at: number): string {
    const memory = Buffer.from(this.#wasm.memory.buffer);
    return memory.toString('utf8', at, memory.indexOf(0, at));
  }

  #view(): DataView {
    return new DataView(this.#wasm.memory.buffer);
  }
}
