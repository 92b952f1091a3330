/** Reads JSON values character by character, handing them on before they are complete. */
import { type Characters, isWhite, type Reading } from './characters.ts';

export type Say = (text: string) => void;

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * Reads a string, its opening quote being looked at.
 * @param say is told its text, piece by piece: no escape sequence, and no character written as two of them, is cut
 * @returns false if the text ends, or the string is none, before its closing quote
 */
export function* readString(characters: Characters, say: Say): Reading<boolean> {
  let high = '';
  yield* characters.advance();
  for (;;) {
    const { next } = characters;
    if (next === null) return false;
    if (next === '"') break;
    let piece: string | null = next;
    if (next === '\\') {
      yield* characters.advance();
      piece = yield* escaped(characters);
      if (piece === null) return false;
    } else yield* characters.advance();
    const whole = high + piece;
    high = /[\ud800-\udbff]$/.test(whole) ? whole.slice(-1) : '';
    const certain = high === '' ? whole : whole.slice(0, -1);
    if (certain !== '') say(certain);
  }
  if (high !== '') say(high);
  yield* characters.advance();
  return true;
}

/** What an escape sequence stands for, from behind its backslash; null if it is none. */
function* escaped(characters: Characters): Reading<string | null> {
  const kind = characters.next;
  if (kind === null) return null;
  yield* characters.advance();
  if (kind !== 'u') return escapes[kind] ?? kind;
  let digits = '';
  while (digits.length < 4) {
    if (characters.next === null || !/[0-9a-fA-F]/.test(characters.next)) return null;
    digits += characters.next;
    yield* characters.advance();
  }
  return String.fromCharCode(Number.parseInt(digits, 16));
}

/** The whole text of a string, or null. */
export function* wholeString(characters: Characters): Reading<string | null> {
  let text = '';
  const whole = yield* readString(characters, (piece) => {
    text += piece;
  });
  return whole ? text : null;
}

const closers: Readonly<Record<string, string>> = { '{': '}', '[': ']' };

/**
 * Reads a value of any kind, whose first character is looked at. Its brackets are matched; whether it is correct otherwise is not judged.
 * @param say is told its text as it stands, at once
 * @returns false if the text ends, or what comes is no JSON, before the value is complete
 */
export function* readValue(characters: Characters, say: Say): Reading<boolean> {
  const open: string[] = [];
  let begun = false;
  for (;;) {
    const { next } = characters;
    if (next === null) return false;
    if (next === '"') {
      if (!(yield* readRawString(characters, say))) return false;
      if (open.length === 0) return true;
      continue;
    }
    const closer = closers[next];
    if (closer !== undefined) open.push(closer);
    else if (next === '}' || next === ']') {
      // A number, or the like, ends where its object does.
      if (open.length === 0) return begun;
      if (open.pop() !== next) return false;
    } else if (open.length === 0 && begun && (next === ',' || isWhite(next))) return true;
    else if (!(open.length === 0 ? /[-+.0-9A-Za-z]/ : /[-+.:,0-9A-Za-z \n\r\t]/).test(next)) return false;
    begun = true;
    say(next);
    yield* characters.advance();
    if (open.length === 0 && (next === '}' || next === ']')) return true;
  }
}

function* readRawString(characters: Characters, say: Say): Reading<boolean> {
  let escaping = false;
  for (let first = true; ; first = false) {
    const { next } = characters;
    if (next === null) return false;
    say(next);
    yield* characters.advance();
    if (next === '"' && !first && !escaping) return true;
    escaping = next === '\\' && !escaping;
  }
}
