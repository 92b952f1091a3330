/** Tells the calls of functions in a model's text from what it says, while the text comes. */
import { type CallListener, readCall } from './call.ts';
import { Characters, isWhite, type Reading } from './characters.ts';
import type { Dialect } from './dialect.ts';

export type ToolCallDelta =
  | { readonly type: 'content'; readonly text: string }
  /** The `index`th call begins. */
  | { readonly type: 'call'; readonly index: number; readonly name: string }
  /** More of the JSON text of its arguments, as the model wrote it. */
  | { readonly type: 'arguments'; readonly index: number; readonly text: string };

export interface ToolCallParserOptions {
  readonly dialect: Dialect;
  /** Names of the functions. */
  readonly names: readonly string[];
  /** Later calls are dropped. */
  readonly mostCalls: number;
  /** The model is held to calls: whatever is none, as where the text is cut before a name, is dropped. */
  readonly callsOnly: boolean;
}

/**
 * What is told does not depend on how the text is cut into pieces, and nothing is told that might be part of a mark.
 *
 * Behind a mark, an object with a name is a call whatever the name, as in vLLM: the caller can tell the model that there is no such
 * function. A bare object is one only if the function exists; it may be an answer in JSON otherwise. White space between what is
 * said and a call is dropped. What stands behind a mark and is no call is content, mark and all.
 */
export class ToolCallParser {
  readonly #options: ToolCallParserOptions;
  readonly #characters = new Characters();
  readonly #reading: Reading<void>;
  #told: ToolCallDelta[] = [];
  #calls = 0;
  /** White space that is content only if more content follows. */
  #white = '';
  #spokeSinceCall = true;
  #cutOff = false;
  #brokenOff = false;

  constructor(options: ToolCallParserOptions) {
    this.#options = options;
    this.#reading = this.#answer();
    this.#reading.next(null);
  }

  /** Whether the last call that was told still lacks some of its arguments. */
  get brokenOff(): boolean {
    return this.#brokenOff;
  }

  /** Takes the next piece of text; returns what became certain with it. */
  push(text: string): ToolCallDelta[] {
    for (const character of text) this.#reading.next(character);
    return this.#take();
  }

  /**
   * @param cutOff whether the text ends because it grew too long: what may have become a mark or a call is then dropped,
   *   otherwise it is content
   */
  end(cutOff: boolean): ToolCallDelta[] {
    this.#cutOff = cutOff;
    this.#reading.next(null);
    return this.#take();
  }

  #take(): ToolCallDelta[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  *#answer(): Reading<void> {
    const characters = this.#characters;
    yield* characters.begin();
    const { bare, open } = this.#options.dialect.format;
    if (bare) {
      while (characters.next !== null && isWhite(characters.next)) {
        this.#say(characters.next);
        yield* characters.advance();
      }
      if (characters.at('{', '[')) yield* this.#readCalls('');
    }
    for (;;) {
      const mark = yield* this.#readContent();
      if (mark === null) break;
      if (mark === open) yield* this.#readCalls(mark);
    }
    if (this.#spokeSinceCall) this.#tell({ type: 'content', text: this.#white });
  }

  /** @returns the mark that ended the content, or null at the end of the text */
  *#readContent(): Reading<string | null> {
    const characters = this.#characters;
    const { format, marks } = this.#options.dialect;
    let held = '';
    while (characters.next !== null) {
      // Nobody asks for the content again: it is not to be kept.
      characters.record();
      held += characters.next;
      while (held !== '' && !marks.begins(held) && !marks.has(held)) {
        this.#say(held.slice(0, 1));
        held = held.slice(1);
      }
      yield* characters.advance();
      if (marks.has(held)) return held;
    }
    const maybeMark = held !== '' && (format.open?.startsWith(held) || format.close?.startsWith(held));
    if (!(this.#cutOff && maybeMark)) for (const character of held) this.#say(character);
    return null;
  }

  /** @param mark that stands before the calls, or '' */
  *#readCalls(mark: string): Reading<void> {
    const characters = this.#characters;
    characters.record(mark);
    yield* characters.skipWhite();
    const list = characters.at('[');
    if (list) {
      yield* characters.advance();
      yield* characters.skipWhite();
    }
    let found = false;
    while (characters.at('{')) {
      if (!(yield* readCall(characters, this.#listener(mark !== '')))) {
        found = false;
        break;
      }
      found = true;
      yield* characters.skipWhite();
      if (characters.at(',', ';')) {
        yield* characters.advance();
        yield* characters.skipWhite();
      }
      characters.record();
    }
    if (found) {
      if (list && characters.at(']')) yield* characters.advance();
      return;
    }
    // The text may end within what would have become a call.
    if (this.#cutOff && characters.next === null && (mark !== '' || this.#calls > 0)) return;
    for (const character of characters.recorded) this.#say(character);
    characters.record();
  }

  #listener(marked: boolean): CallListener {
    const { names, mostCalls } = this.#options;
    return {
      marked,
      accepts: (name) => marked || names.includes(name),
      begin: (name) => {
        this.#white = '';
        this.#spokeSinceCall = false;
        this.#calls += 1;
        this.#characters.record();
        if (this.#calls > mostCalls) return;
        this.#tell({ type: 'call', index: this.#calls - 1, name });
        this.#brokenOff = true;
      },
      say: (text) => {
        this.#characters.record();
        if (this.#calls <= mostCalls) this.#tell({ type: 'arguments', index: this.#calls - 1, text });
      },
      end: () => {
        if (this.#calls <= mostCalls) this.#brokenOff = false;
      },
    };
  }

  #say(character: string): void {
    if (this.#options.callsOnly) return;
    if (isWhite(character)) {
      this.#white += character;
      return;
    }
    this.#tell({ type: 'content', text: this.#white + character });
    this.#white = '';
    this.#spokeSinceCall = true;
  }

  #tell(delta: ToolCallDelta): void {
    const last = this.#told.at(-1);
    if (delta.type === 'call') this.#told.push(delta);
    else if (delta.text === '') return;
    else if (last?.type === 'content' && delta.type === 'content') this.#told.splice(-1, 1, { ...last, text: last.text + delta.text });
    else if (last?.type === 'arguments' && delta.type === 'arguments' && last.index === delta.index)
      this.#told.splice(-1, 1, { ...last, text: last.text + delta.text });
    else this.#told.push(delta);
  }
}
