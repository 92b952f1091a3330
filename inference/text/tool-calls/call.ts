/** Reads one call as models write it: a JSON object with the name of a function and its arguments. */
import type { Characters, Reading } from './characters.ts';
import { readString, readValue, type Say, wholeString } from './json.ts';

/** Is told of a call while it is read. */
export interface CallListener {
  /** Whether a mark says that a call comes; an object without one has to look like a call from its first member on. */
  readonly marked: boolean;
  /** Whether a function of this name can be meant; if not, the object is no call. */
  accepts(name: string): boolean;
  begin(name: string): void;
  /** More of the JSON text of the arguments. */
  say: Say;
  /** All of the arguments are said. */
  end(): void;
}

const argumentNames = new Set(['arguments', 'parameters']);
const memberNames = new Set(['name', 'type', 'id', ...argumentNames]);

/**
 * Reads an object whose `{` is looked at. The arguments are handed on as they come once the name is known; where they stand before
 * it, then. Arguments written as a string that holds JSON are handed on as that JSON, absent ones as `{}`; other members are passed over.
 * @returns false if it is no call. A call that has begun stays one even if it breaks off; the text is then read up to the break.
 */
export function* readCall(characters: Characters, listener: CallListener): Reading<boolean> {
  let begun = false;
  let told = false;
  let early = '';
  const say: Say = (text) => {
    if (begun) listener.say(text);
    else early += text;
  };
  yield* characters.advance();
  for (;;) {
    yield* characters.skipWhite();
    if (characters.at('}')) break;
    if (!characters.at('"')) return begun;
    const key = yield* wholeString(characters);
    yield* characters.skipWhite();
    if (key === null || !characters.at(':')) return begun;
    if (!begun && !listener.marked && !memberNames.has(key)) return false;
    yield* characters.advance();
    yield* characters.skipWhite();
    if (key === 'name' && !begun) {
      const name = characters.at('"') ? yield* wholeString(characters) : null;
      if (name === null || !listener.accepts(name)) return false;
      listener.begin(name);
      begun = true;
      if (early !== '') listener.say(early);
      if (told) listener.end();
    } else if (argumentNames.has(key) && !told) {
      told = true;
      if (!(yield* readArguments(characters, say))) return begun;
      if (begun) listener.end();
    } else if (!(yield* readValue(characters, () => {}))) return begun;
    yield* characters.skipWhite();
    if (characters.at(',')) yield* characters.advance();
    else if (!characters.at('}')) return begun;
  }
  if (begun && !told) {
    listener.say('{}');
    listener.end();
  }
  yield* characters.advance();
  return begun;
}

function* readArguments(characters: Characters, say: Say): Reading<boolean> {
  if (characters.at('"')) return yield* readString(characters, say);
  if (!characters.at('n')) return yield* readValue(characters, say);
  let text = '';
  const whole = yield* readValue(characters, (piece) => {
    text += piece;
  });
  say(text === 'null' ? '{}' : text);
  return whole;
}
