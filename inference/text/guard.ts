/**
 * Keeps control tokens out of text that users wrote, while a chat template handles that text.
 *
 * A character of each spelling of a control token (`</s>`, `<image>` …) is replaced by a stand-in, a Unicode
 * noncharacter that no text of the conversation holds. What the template makes of it is then split at control tokens,
 * of which only the template's own are left, and the stand-ins are turned back before the stretches between are encoded.
 * One character stands for one, so templates that trim, slice or measure a text see what they would see without it.
 */
import { ChatTemplateRefused } from '../errors.ts';

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
const firstOf = (text: string) => String.fromCodePoint(text.codePointAt(0) ?? 0);

/** U+FDD0…U+FDEF, and the last two code points of planes 1 to 16: reserved for use inside a process. */
const noncharacters = [
  ...Array.from({ length: 32 }, (_, i) => String.fromCodePoint(0xfdd0 + i)),
  ...Array.from({ length: 32 }, (_, i) => String.fromCodePoint(((i >> 1) + 1) * 0x10000 + 0xfffe + (i & 1))),
];

/** The control tokens of one tokeniser and template, prepared for looking them up in texts. */
export class ControlTokens {
  readonly #starts: RegExp | null;
  readonly #prefixes = new Set<string>();
  readonly #suffixes = new Set<string>();
  readonly #tails: readonly string[];
  readonly #longest: number;

  constructor(tokens: readonly string[]) {
    const starts = tokens.map((token) => `${escapeRegExp(firstOf(token))}(?=${escapeRegExp(token.slice(firstOf(token).length))})`);
    this.#starts = tokens.length === 0 ? null : new RegExp(starts.join('|'), 'gu');
    this.#longest = Math.max(0, ...tokens.map((token) => token.length));
    this.#tails = tokens.map((token) => token.slice(firstOf(token).length));
    for (const token of tokens) {
      for (let n = 1; n < token.length; n++) {
        this.#prefixes.add(token.slice(0, n));
        this.#suffixes.add(token.slice(n));
      }
    }
  }

  /**
   * Replaces a character of everything in `text` that is a control token, or that could become one with what the
   * template puts before or behind the text, or behind the text without its surrounding white space.
   */
  breakUp(text: string, standIn: (character: string) => string): string {
    if (this.#starts === null || text === '') return text;
    const core = text.trim();
    if (core === '') return text.replace(this.#starts, standIn);
    const at = text.indexOf(core);
    let body = core;
    // From the longest to the shortest: `<|im` hides `<`, which would start nothing on its own.
    for (let n = Math.min(this.#longest, core.length); n > 0; n--) {
      const end = body.slice(body.length - n);
      if (this.#prefixes.has(end)) body = body.slice(0, body.length - n) + standIn(firstOf(end)) + end.slice(firstOf(end).length);
    }
    const begins = Array.from({ length: Math.min(this.#longest, core.length) }, (_, n) => core.slice(0, n + 1));
    if (begins.some((begin) => this.#suffixes.has(begin)) || this.#tails.some((tail) => tail.includes(core))) {
      // The first character may be a stand-in already, if the text also begins a control token.
      if (body.startsWith(firstOf(core))) body = standIn(firstOf(core)) + body.slice(firstOf(core).length);
    }
    return (text.slice(0, at) + body + text.slice(at + core.length)).replace(this.#starts, standIn);
  }
}

/** Stand-ins for one conversation. */
export class Guard {
  readonly #control: ControlTokens;
  readonly #free: string[];
  readonly #standIns = new Map<string, string>();
  readonly #characters = new Map<string, string>();

  /** @param texts every text of the conversation that a user may have chosen */
  constructor(control: ControlTokens, texts: readonly string[]) {
    this.#control = control;
    this.#free = noncharacters.filter((character) => !texts.some((text) => text.includes(character)));
  }

  protect(text: string): string {
    return this.#control.breakUp(text, (character) => this.#standInFor(character));
  }

  restore(text: string): string {
    let restored = text;
    for (const [standIn, character] of this.#characters) restored = restored.replaceAll(standIn, () => character);
    return restored;
  }

  #standInFor(character: string): string {
    const known = this.#standIns.get(character);
    if (known !== undefined) return known;
    const standIn = this.#free.shift();
    if (standIn === undefined) {
      throw new ChatTemplateRefused('The messages hold too many different Unicode noncharacters; remove them.', 'messages');
    }
    this.#standIns.set(character, standIn);
    this.#characters.set(standIn, character);
    return standIn;
  }
}
