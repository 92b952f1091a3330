/** Says in a caller's words why the grammar engine refused a grammar. */

const patterns: readonly (readonly [pattern: RegExp, say: (match: RegExpExecArray) => string])[] = [
  [
    /^Unimplemented keys: \[(.*)\]/,
    ([, keys = '']) => `the schema has keywords that this server does not carry out: ${keys.replaceAll('"', '')}.`,
  ],
  [/^Unknown format: (.*)/, ([, format]) => `the schema has the format '${format}', which this server does not carry out.`],
  [/^oneOf constraints are not supported/, () => "the schema has a 'oneOf' whose branches may overlap; use 'anyOf'."],
  [/^Resource '(.*)' is not present/, ([, url]) => `the schema refers to '${url}'; only references inside of it are followed.`],
  [/^Pointer '(.*)' does not exist/, ([, pointer]) => `the schema refers to '#${pointer}', which it does not have.`],
  [
    /(look-around|lookarounds|backreferences)[^\n]* (?:is|are) not supported|lookarounds not supported/,
    () => 'a regular expression has look-around, a word boundary or a backreference, which this server does not carry out.',
  ],
  [/^(NoExtension|Unsatisfiable)/, () => 'no text can satisfy it.'],
  [/grammar size|too large|too big|fuel|too many|limit exceeded/, () => 'it is too large to be held to; make it smaller.'],
];
const MAX_LENGTH = 300;

export function explain(reason: string): string {
  for (const [pattern, say] of patterns) {
    const match = pattern.exec(reason);
    if (match !== null) return cut(say(match));
  }
  const line = reason.replace(/\s*\n\s*/g, ' ').trim();
  return cut(line.endsWith('.') ? line : `${line}.`);
}

const cut = (text: string) => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
