/** What an answer must be that may call functions, as a grammar in llguidance's dialect of Lark. */
import type { Dialect } from '../text/tool-calls/dialect.ts';
import type { GrammarSpec, ToolFunction, ToolUse } from '../types.ts';
import { schemaText } from './source.ts';

/** A model that is made to call need not come to an end by itself. */
const MOST_CALLS = 16;

/**
 * @param use with names in `only` that `functions` has
 * @param answer what an answer without a call must be; null leaves it free
 * @returns null if there is nothing to hold the answer to
 * @throws GrammarRefused for a schema that is too large, or none
 */
export function toolGrammar(
  use: ToolUse,
  dialect: Dialect,
  answer: { readonly schema: unknown; readonly param: string } | null,
): GrammarSpec | null {
  const callable = callableOf(use);
  const { argumentsName } = dialect.format.written;
  const must = use.choice === 'required';
  if (!must && answer === null && use.only === undefined && !callable.some(({ tool }) => tool.strict)) return null;
  // In pieces as small as those of JSON schemas: the engine's lexer does not go back to where a longer one began.
  const head = (tool: ToolFunction) => ['{', '"name"', ': ', JSON.stringify(tool.name), ', ', `"${argumentsName}"`, ': '];
  const held = (tool: ToolFunction) => (isHeld(use, tool) ? argumentsSchema(tool) : { type: 'object' });
  const rules = [
    ...(must ? ['start: calls'] : answer === null ? amongText(use, dialect) : ['start: calls | answer']),
    ...(answer === null || must ? [] : [`answer: %json ${schemaText(answer.schema, answer.param)}`]),
    ...(must || answer !== null || dialect.format.bare ? [`calls: ${sequence(use, dialect)}`] : []),
    `call: ${callable.map(({ index }) => `f${index}`).join(' | ')}`,
    ...callable.map(
      ({ tool, index }) =>
        `f${index}: ${head(tool)
          .map((piece) => JSON.stringify(piece))
          .join(' ')} %json ${schemaText(held(tool), parametersParam(index))} "}"`,
    ),
  ];
  return { kind: 'lark', text: rules.join('\n') };
}

interface Callable {
  readonly tool: ToolFunction;
  /** Among all. */
  readonly index: number;
}

function callableOf({ functions, only }: ToolUse): Callable[] {
  return functions.map((tool, index) => ({ tool, index })).filter(({ tool }) => only?.includes(tool.name) ?? true);
}

function isHeld(use: ToolUse, tool: ToolFunction): boolean {
  return use.choice === 'required' || tool.strict === true;
}

/** Functions whose arguments are held to their schemas. */
export function heldFunctions(use: ToolUse): Callable[] {
  return callableOf(use).filter(({ tool }) => isHeld(use, tool));
}

/** Name of the field with the schema of a function, in the caller's terms. */
export function parametersParam(index: number): string {
  return `tools[${index}].function.parameters`;
}

/** Without a schema there are no arguments; one that leaves their type open is of an object all the same. */
export function argumentsSchema({ parameters }: ToolFunction): unknown {
  return parameters === undefined ? { type: 'object', additionalProperties: false } : { type: 'object', ...parameters };
}

function sequence({ parallel }: ToolUse, { format: { written }, specialIds }: Dialect): string {
  const more = parallel ? `(${symbols(written.between, specialIds)} call){0,${MOST_CALLS - 1}}` : '';
  return `${symbols(written.first, specialIds)} call ${more} ${symbols(written.last, specialIds)}`;
}

/** Free text in which calls may begin, each of which is then held to its form. */
function amongText({ parallel }: ToolUse, { format, specialIds }: Dialect): string[] {
  const { open, close, written } = format;
  const openId = open === null ? undefined : specialIds.get(open);
  if (format.bare) {
    // An object at the beginning is a call, so text must not begin with one.
    const text = String.raw`TEXT: /[ \t\r\n]*([^ \t\r\n{\[](.|\n)*)?/`;
    return [`start: calls | TEXT${openId === undefined ? '' : ` | ${special(openId)} calls`}`, text];
  }
  const mark = open ?? '';
  const severalMarks = parallel && close !== null;
  const behind = symbols(written.first.slice(mark.length), specialIds);
  const more = parallel && close === null ? `(${symbols(written.between, specialIds)} call){0,${MOST_CALLS - 1}}` : '';
  return [
    severalMarks ? 'start: among* TEXT' : 'start: among | TEXT',
    `among: before ${behind} call ${more} ${symbols(written.last, specialIds)}`,
    // A lazy lexeme ends with the first mark, so that no other text can hold one.
    openId === undefined ? `before[lazy]: TEXT ${JSON.stringify(mark)}` : `before: TEXT ${special(openId)}`,
    String.raw`TEXT: /(.|\n)*/`,
  ];
}

/** Marks and what stands beside them, special tokens by their ids. */
function symbols(text: string, specialIds: ReadonlyMap<string, number>): string {
  let parts = [text];
  for (const mark of specialIds.keys()) {
    parts = parts.flatMap((part) => part.split(mark).flatMap((piece, index) => (index === 0 ? [piece] : [mark, piece])));
  }
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const id = specialIds.get(part);
      return id === undefined ? JSON.stringify(part) : special(id);
    })
    .join(' ');
}

/** SentencePiece models may begin the text behind a special token with a space. */
function special(id: number): string {
  return `<[${id}]> " "?`;
}
