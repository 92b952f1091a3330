/** Decides whether an answer names the right value and no wrong one, be it one word or a sentence. */
import { type ColourName, colourNames } from './colours.ts';
import { type ShapeName, shapeNames } from './world.ts';

export type Side = 'left' | 'right' | 'top' | 'bottom';

/** What a right answer says. */
export type Expected =
  | { readonly kind: 'colour'; readonly is: ColourName }
  /** `beside`: another thing of the picture that the answer may repeat from the question. */
  | { readonly kind: 'shape'; readonly is: ShapeName; readonly colour?: ColourName; readonly beside?: ShapeName }
  | { readonly kind: 'presence'; readonly is: boolean }
  /** The sides the thing lies at: none of them is the middle, two are a corner. */
  | { readonly kind: 'place'; readonly is: readonly Side[] }
  | { readonly kind: 'count'; readonly is: number }
  | { readonly kind: 'text'; readonly is: string }
  | { readonly kind: 'honest' };

const otherColourWords: Record<string, ColourName> = { gray: 'grey', violet: 'purple' };
const otherShapeWords: Record<string, ShapeName> = { rhombus: 'diamond', plus: 'cross', circular: 'circle' };
const sideWords: Record<string, Side> = { left: 'left', right: 'right', top: 'top', upper: 'top', bottom: 'bottom', lower: 'bottom' };
const numberWords: Record<string, number> = Object.fromEntries(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((word, value) => [word, value]),
);
/** Words that may surround the text that was read. */
const frame = new Set(
  'the a an it is says say reads read word letter text number digit written in on this that picture image i see there shows shown and of you can drawn here has spells'.split(
    ' ',
  ),
);

export function right(answer: string, expected: Expected): boolean {
  const words = wordsOf(answer);
  switch (expected.kind) {
    case 'colour':
      return onlyOne(coloursIn(words), expected.is);
    case 'shape': {
      const shapes = shapesIn(words);
      const colours = coloursIn(words);
      if (expected.beside !== undefined) shapes.delete(expected.beside);
      const colourAgrees =
        expected.colour === undefined || expected.beside !== undefined || colours.size === 0 || onlyOne(colours, expected.colour);
      return onlyOne(shapes, expected.is) && colourAgrees;
    }
    case 'presence':
      return polarity(words) === expected.is;
    case 'place': {
      const sides = new Set(words.flatMap((word) => sideWords[word] ?? []));
      const middle = words.some((word) => /^(middle|cent(er|re))$/.test(word));
      if (expected.is.length === 0) return sides.size === 0 && middle;
      return sides.size === expected.is.length && expected.is.every((side) => sides.has(side));
    }
    case 'count': {
      const numbers = new Set(words.flatMap((word) => (/^\d+$/.test(word) ? Number(word) : (numberWords[word] ?? []))));
      return onlyOne(numbers, expected.is);
    }
    case 'text':
      return readText(answer) === expected.is.toLowerCase();
    case 'honest':
      return /\b(demo|demonstration)\b/i.test(answer) && /shapes|letters|MODEL=/i.test(answer);
  }
}

function wordsOf(answer: string): string[] {
  return answer.toLowerCase().match(/[a-z]+|\d+/g) ?? [];
}

function coloursIn(words: readonly string[]): Set<ColourName> {
  return new Set(words.flatMap((word) => colourNames.find((name) => name === word) ?? otherColourWords[word] ?? []));
}

function shapesIn(words: readonly string[]): Set<ShapeName> {
  return new Set(
    words.flatMap(
      (word) => shapeNames.find((name) => word === name || word === `${name}s` || word === `${name}es`) ?? otherShapeWords[word] ?? [],
    ),
  );
}

function onlyOne<T>(found: ReadonlySet<T>, wanted: T): boolean {
  return found.size === 1 && found.has(wanted);
}

/** Yes, no, or undefined when the answer says neither or both. */
function polarity(words: readonly string[]): boolean | undefined {
  const yes = words.includes('yes');
  const no = words.some((word) => word === 'no' || word === 'not' || word === 'none');
  if (yes === no) return yes ? undefined : words.slice(0, 2).join(' ') === 'there is' || undefined;
  return yes;
}

/** The text an answer quotes, or what is left of the answer without the words around it; in lower case. */
function readText(answer: string): string | undefined {
  const quoted = /["'“‘«]([^"'”’»]+)["'”’»]/.exec(answer)?.[1];
  if (quoted !== undefined) return quoted.trim().toLowerCase();
  const words = answer.match(/[A-Za-z]+|\d+/g) ?? [];
  if (words.length === 1) return words[0]?.toLowerCase();
  // "The letter is A": a lone capital at the end is the letter, not the article.
  const last = words.at(-1);
  if (last !== undefined && /^[A-Z]$/.test(last))
    return words.slice(0, -1).every((word) => word !== 'A' && frame.has(word.toLowerCase())) ? last.toLowerCase() : undefined;
  const rest = words.map((word) => word.toLowerCase()).filter((word) => !frame.has(word));
  return rest.length === 1 ? rest[0] : undefined;
}
