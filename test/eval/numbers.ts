/** The whole numbers that an answer names, in digits or in words. */

const ones =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen';
const below20 = new Map(ones.split(' ').map((word, value) => [word, value]));
const tens = new Map('twenty thirty forty fifty sixty seventy eighty ninety'.split(' ').map((word, i) => [word, 20 + 10 * i]));

/** Words of numbers, to tell them from the words around. */
export function isNumber(word: string): boolean {
  return /^\d+$/.test(word) || below20.has(word) || tens.has(word) || word === 'hundred';
}

/**
 * Numbers below 1000 in the order they are said: "forty", "seven" is 47; "four", "seven" are two numbers.
 * @param words lower case
 */
export function numbersIn(words: readonly string[]): number[] {
  const found: number[] = [];
  let open: number | undefined;
  const close = () => {
    if (open !== undefined) found.push(open);
    open = undefined;
  };
  for (const word of words) {
    const small = below20.get(word);
    const value = small ?? tens.get(word);
    if (word === 'hundred') {
      if (open !== undefined && open >= 10) close();
      open = (open ?? 1) * 100;
    } else if (word === 'and' && open !== undefined && open >= 100 && open % 100 === 0) {
      // "two hundred and five" goes on.
    } else if (value === undefined) {
      close();
      if (/^\d+$/.test(word)) found.push(Number(word));
    } else {
      const follows = open !== undefined && open > 0 && (open % 100 === 0 || (open % 100 >= 20 && open % 10 === 0 && value < 10));
      if (follows && value > 0) open = (open ?? 0) + value;
      else {
        close();
        open = value;
      }
    }
  }
  close();
  return found;
}
