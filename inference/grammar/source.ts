/** From what a caller asks for to what the grammar engine compiles, within bounds that keep the compilation short. */
import { GrammarRefused } from '../errors.ts';
import { isObject } from '../json-file.ts';
import type { GrammarSpec } from '../types.ts';

export interface GrammarSource {
  /** A type of llguidance's `llg_new_matcher`. */
  readonly type: 'json_schema' | 'regex' | 'lark';
  readonly text: string;
}

/** Longer grammars are refused. */
export const MAX_CHARACTERS = 128 * 1024;

/** The engine's own bounds are on what a grammar grows to; these are on what it would take too long to find out. */
const limits = { characters: MAX_CHARACTERS, depth: 100, values: 20_000, count: 2_000 } as const;
/** Each of so many items or properties becomes a rule. */
const counts = new Set(['minItems', 'maxItems', 'minProperties', 'maxProperties']);

/** JSON as models write it: at most one space behind `:` and `,`. Free white space lets a small model write nothing else. */
const whiteSpace = { whitespace_flexible: false, item_separator: ',[ ]?', key_separator: ':[ ]?' };

/** @throws GrammarRefused if it is too large to be compiled in a short time, or no grammar at all */
export function grammarSource(spec: GrammarSpec, param: string): GrammarSource {
  const source = translate(spec, param);
  if (source.text.length > limits.characters) throw tooMuch('characters', source.text.length, limits.characters, param);
  if (source.text.includes('\0')) throw new GrammarRefused('it has a character U+0000.', param);
  return source;
}

function translate(spec: GrammarSpec, param: string): GrammarSource {
  switch (spec.kind) {
    case 'json_schema':
      return { type: 'json_schema', text: schemaText(spec.schema, param) };
    case 'regex':
      return { type: 'regex', text: withoutAnchors(spec.pattern) };
    case 'choice': {
      if (spec.choices.length === 0) throw new GrammarRefused('it has no choice.', param);
      return { type: 'regex', text: spec.choices.map((choice) => choice.replace(/[\\^$.*+?()[\]{}|&~#/-]/g, '\\$&')).join('|') };
    }
    case 'lark':
      return { type: 'lark', text: spec.text };
  }
}

/**
 * The schema as the engine is to read it, also within a grammar.
 * @throws GrammarRefused if it is too large to be compiled in a short time, or no schema
 */
export function schemaText(schema: unknown, param: string): string {
  if (schema === true) return JSON.stringify({ 'x-guidance': whiteSpace });
  if (schema === false) return 'false';
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new GrammarRefused('a JSON schema is an object or a boolean.', param);
  }
  checkExtent(schema, param);
  return JSON.stringify({ ...schema, 'x-guidance': whiteSpace });
}

/** Walks without recursion: the schema may be as deep as its sender likes. */
function checkExtent(schema: object, param: string): void {
  const open: { readonly value: object; readonly depth: number }[] = [{ value: schema, depth: 1 }];
  const patterned: object[] = [];
  let values = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (depth > limits.depth) throw tooMuch('levels', depth, limits.depth, param);
    if ('patternProperties' in value) patterned.push(value);
    for (const [name, member] of Object.entries(value)) {
      values += 1;
      if (counts.has(name) && typeof member === 'number' && member > limits.count) throw tooMuch(`'${name}'`, member, limits.count, param);
      if (typeof member === 'object' && member !== null) open.push({ value: member, depth: depth + 1 });
    }
    if (values > limits.values) throw tooMuch('values', values, limits.values, param);
  }
  // Of a schema within the limits only: it takes time.
  for (const each of patterned) checkPatterns(each, param);
}

/**
 * The engine does not hold a property to the schemas of patterns that its name matches too. Patterns are not tried on names here:
 * that could take for ever. Only those that say how a name begins are seen not to match.
 */
function checkPatterns(schema: object, param: string): void {
  const { properties, patternProperties } = schema as { readonly properties?: unknown; readonly patternProperties?: unknown };
  if (!isObject(properties) || !isObject(patternProperties)) return;
  const names = Object.keys(properties).sort();
  for (const pattern of Object.keys(patternProperties)) {
    const start = /^\^([A-Za-z0-9_-]+)/.exec(pattern);
    // `?`, `*`, `{` or `|` behind it could take the last character back.
    const certain = start === null || /[?*{|]/.test(pattern) ? undefined : start[1];
    const match = certain === undefined ? names[0] : firstWith(names, certain);
    if (match === undefined) continue;
    throw new GrammarRefused(`the schema has the property '${match.slice(0, 64)}' beside a pattern that may match its name.`, param);
  }
}

/** Of sorted names the first that begins so; no other stands between it and where the beginning alone would stand. */
function firstWith(names: readonly string[], start: string): string | undefined {
  let low = 0;
  for (let high = names.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') < start) low = middle + 1;
    else high = middle;
  }
  const name = names[low];
  return name?.startsWith(start) ? name : undefined;
}

function tooMuch(what: string, found: number, most: number, param: string): GrammarRefused {
  return new GrammarRefused(`it is too large to be held to: ${what} ${found}, and at most ${most} are taken.`, param);
}

/** The expression matches the whole answer anyway, and the engine knows no anchors. */
function withoutAnchors(pattern: string): string {
  const end = /(?:^|[^\\])(?:\\\\)*\$$/.test(pattern) ? pattern.length - 1 : pattern.length;
  return pattern.slice(pattern.startsWith('^') ? 1 : 0, end);
}
