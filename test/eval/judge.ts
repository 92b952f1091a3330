/** Decides whether an answer names the right value and no wrong one, be it one word or a sentence. */
import { type ColourName, colourNames } from './colours.ts';
import { isNumber, numbersIn } from './numbers.ts';
import { type ShapeName, shapeNames } from './world.ts';

export type Side = 'left' | 'right' | 'top' | 'bottom';

/** What a right answer says. */
export type Expected =
  | { readonly kind: 'colour'; readonly is: ColourName }
  | { readonly kind: 'shape'; readonly is: ShapeName; readonly colour?: ColourName }
  /** What lies on that side of another thing, which the answer may repeat from the question. */
  | { readonly kind: 'neighbour'; readonly is: ShapeName; readonly side: 'left' | 'right'; readonly of: ShapeName }
  /** The thing asked for, by its colour too when that was asked. */
  | { readonly kind: 'presence'; readonly is: boolean; readonly shape: ShapeName; readonly colour?: ColourName }
  /** The sides the thing lies at: none of them is the middle, two are a corner. */
  | { readonly kind: 'place'; readonly is: readonly Side[] }
  | { readonly kind: 'count'; readonly is: number }
  | { readonly kind: 'text'; readonly is: string }
  | { readonly kind: 'honest' };

/** What else people call the colours and shapes that are drawn. */
const otherColourWords: Record<string, ColourName> = {
  gray: 'grey',
  violet: 'purple',
  gold: 'yellow',
  golden: 'yellow',
  crimson: 'red',
  scarlet: 'red',
};
const otherShapeWords: Record<string, ShapeName> = {
  rhombus: 'diamond',
  lozenge: 'diamond',
  plus: 'cross',
  circular: 'circle',
  round: 'circle',
  disc: 'circle',
  disk: 'circle',
  ring: 'circle',
  triangular: 'triangle',
};
const sideWords: Record<string, Side> = {
  left: 'left',
  leftmost: 'left',
  right: 'right',
  rightmost: 'right',
  top: 'top',
  topmost: 'top',
  upper: 'top',
  uppermost: 'top',
  up: 'top',
  bottom: 'bottom',
  lower: 'bottom',
  down: 'bottom',
};
const middleWords = /\b(middle|center|centre|central|centered|centred)\b/;
const countWords: Record<string, number> = { single: 1, pair: 2, couple: 2, dozen: 12 };

/** "left of the red circle": says where another thing is, not where in the picture. */
const relation = new RegExp(
  `\\b(left|right|top|bottom)(?: hand)?(?: side)? of (?:the|a|an) (?:(?:${colourNames.join('|')}|gray) )?(${shapeNames.join('|')})\\b`,
);

export function right(answer: string, expected: Expected): boolean {
  const words = wordsOf(answer);
  switch (expected.kind) {
    case 'colour':
      return onlyOne(coloursIn(words), expected.is);
    case 'shape': {
      const colours = coloursIn(words);
      const colourAgrees = expected.colour === undefined || colours.length === 0 || onlyOne(colours, expected.colour);
      return onlyOne(shapesIn(words), expected.is) && colourAgrees;
    }
    case 'neighbour': {
      const [, side, anchor] = relation.exec(words.join(' ')) ?? [];
      const anchorAgrees = side === undefined || anchor === (side === expected.side ? expected.of : expected.is);
      return (
        anchorAgrees &&
        onlyOne(
          shapesIn(words).filter((shape) => shape !== expected.of),
          expected.is,
        )
      );
    }
    case 'presence': {
      if (!expected.is) return polarity(answer) === false;
      const [shape] = shapesIn(words);
      const [colour] = coloursIn(words);
      const names =
        (shape ?? expected.shape) === expected.shape && (expected.colour === undefined || (colour ?? expected.colour) === expected.colour);
      return names && polarity(answer) === true;
    }
    case 'place':
      return placed(words, expected.is);
    case 'count':
      return onlyOne([...numbersIn(words), ...words.flatMap((word) => countWords[word] ?? [])], expected.is);
    case 'text':
      return reads(answer, expected.is.toLowerCase());
    case 'honest':
      return /\b(demo|demonstration)\b/i.test(answer) && /shapes|letters|MODEL=/i.test(answer) && !claimsShape(words);
  }
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z]+|\d+/g) ?? [];
}

function coloursIn(words: readonly string[]): ColourName[] {
  return words.flatMap((word) => colourNames.find((name) => name === word) ?? otherColourWords[word] ?? []);
}

function shapesIn(words: readonly string[]): ShapeName[] {
  return words.flatMap(
    (word) => shapeNames.find((name) => word === name || word === `${name}s` || word === `${name}es`) ?? otherShapeWords[word] ?? [],
  );
}

function onlyOne<T>(found: readonly T[], wanted: T): boolean {
  return found.length > 0 && found.every((value) => value === wanted);
}

/** Yes, no, or undefined when the answer says neither, both, or that it does not know. */
function polarity(answer: string): boolean | undefined {
  const words = wordsOf(answer.replaceAll(/n['’]t\b/gi, ' not').replaceAll(/\bcannot\b/gi, 'can not'));
  const said = words.join(' ');
  if (/\b(demo|demonstration|maybe|perhaps|possibly|unsure|not (sure|certain|know|tell|say))\b/.test(said)) return undefined;
  const yes = /\b(yes|yeah|yep)\b/.test(said);
  const no = /\b(no|not|none|nope|nothing)\b/.test(said);
  if (yes !== no) return yes;
  return !yes && /^(there (is|are)|i (can )?see|i (have )?found|i (do|have)|it (is|does))\b/.test(said) ? true : undefined;
}

function placed(words: readonly string[], wanted: readonly Side[]): boolean {
  const said = words
    .join(' ')
    .replaceAll(new RegExp(relation, 'g'), '')
    .replaceAll(/\bright ((in|at) the (middle|center|centre))/g, '$1');
  const sides = new Set(said.split(' ').flatMap((word) => sideWords[word] ?? []));
  if (wanted.length === 0) return sides.size === 0 && middleWords.test(said);
  return sides.size === wanted.length && wanted.every((side) => sides.has(side));
}

/** Words that may surround the text that was read. */
const frame = new Set([
  ...'the a an it its is be was i you we can see says say said saying reads read reading spells looks seems appears like to'.split(' '),
  ...'word words letter letters text number numbers digit digits written drawn painted shows shown in on of and with this that there here'.split(
    ' ',
  ),
  ...'has have picture image photo capital uppercase lowercase upper lower case big large small bold single colour color'.split(' '),
]);

/** Whether the answer reads `wanted` (lower case) and nothing else: what it quotes, or what is left without the words around. */
function reads(answer: string, wanted: string): boolean {
  // An apostrophe inside a word ("it's") opens no quotation.
  const quoted = [...answer.matchAll(/(?<![A-Za-z])["'“‘«]([^"'”’»]+)["'”’»](?![A-Za-z])/g)].map(([, text = '']) =>
    text.trim().toLowerCase(),
  );
  if (quoted.length > 0) return quoted.every((text) => text === wanted || sameNumber(wordsOf(text), wanted));
  const words = answer.replaceAll(/['’](s|m|re|ve)\b/g, '').match(/[A-Za-z]+|\d+/g) ?? [];
  const lower = words.map((word) => word.toLowerCase());
  if (words.length === 1 && lower[0] === wanted) return true;
  const around = (word: string) => frame.has(word) || coloursIn([word]).length > 0;
  if (/^\d+$/.test(wanted)) return sameNumber(lower, wanted) && lower.every((word) => isNumber(word) || around(word));
  // "The letter is A", "A is written here": there the letter is no article.
  const last = lower.at(-1);
  if (words.length > 1 && last?.length === 1 && /[a-z]/.test(last)) {
    return last === wanted && words.slice(0, -1).every((word) => word !== 'A' && around(word.toLowerCase()));
  }
  if (/^A is\b/.test(answer) && wanted === 'a') return lower.every(around);
  const rest = lower.filter((word) => !around(word));
  return rest.length === 1 && rest[0] === wanted;
}

function sameNumber(words: readonly string[], wanted: string): boolean {
  return onlyOne(numbersIn(words).map(String), wanted);
}

/** "I see a red circle": sees a drawn shape where there is none. */
function claimsShape(words: readonly string[]): boolean {
  const claim = `\\b(i (can )?see|shows|there (is|are)) ((?!no |not |any )\\w+ ){0,3}(${shapeNames.join('|')})`;
  return new RegExp(claim).test(words.join(' '));
}
