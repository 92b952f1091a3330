/** Lets a model call functions: what its answer is held to, and how it is read. */
import type { EngineEvent } from '../engine/request.ts';
import { GrammarRefused, RequestError } from '../errors.ts';
import type { GrammarService } from '../grammar/grammar-service.ts';
import type { GrammarState } from '../grammar/grammar-state.ts';
import { refuseSpecialTokens } from '../grammar/special-tokens.ts';
import { argumentsSchema, heldFunctions, parametersParam, toolGrammar } from '../grammar/tool-grammar.ts';
import type { Dialect } from '../text/tool-calls/dialect.ts';
import { type ToolCallDelta, ToolCallParser } from '../text/tool-calls/parser.ts';
import type { GenerationRequest, OutputParams, ToolUse } from '../types.ts';
import { openConstraints } from './constraints.ts';

/**
 * As {@link openConstraints}, with what calls are held to.
 * @throws also GrammarRefused that names the function, or the answer, whose schema cannot be carried out, and for special tokens in a
 *   caller's grammar
 */
export async function openAnswerConstraints(
  request: GenerationRequest,
  dialect: Dialect,
  grammars: GrammarService | null,
  signal: AbortSignal,
): Promise<readonly GrammarState[]> {
  const use = toolUseOf(request);
  const { grammar, ...free } = request;
  if (use === null) {
    if (grammar?.spec.kind === 'lark') refuseSpecialTokens(grammar.spec.text, grammar.param);
    return openConstraints(request, grammars, signal);
  }
  const answer = use.choice === 'required' ? null : answerSchema(grammar);
  const spec = toolGrammar(use, dialect, answer);
  if (spec === null) return openConstraints(free, grammars, signal);
  try {
    return await openConstraints({ ...free, grammar: { spec, param: 'tools' } }, grammars, signal);
  } catch (error) {
    if (error instanceof GrammarRefused && grammars !== null) await refuseSchema(use, answer, grammars, signal);
    throw error;
  }
}

/** Marks that are special tokens have to be shown to be seen. */
export function outputWithCalls(request: GenerationRequest, dialect: Dialect): OutputParams {
  const hidden = toolUseOf(request) !== null && dialect.specialIds.size > 0;
  return hidden ? { ...request.output, skipSpecialTokens: false } : (request.output ?? {});
}

/** Tells the calls in the text of each choice from the rest. Log probabilities stay with `text` events, of which some are empty then. */
export function readCalls(events: AsyncIterable<EngineEvent>, request: GenerationRequest, dialect: Dialect): AsyncIterable<EngineEvent> {
  const use = toolUseOf(request);
  return use === null ? events : withCalls(events, use, request.n, dialect);
}

async function* withCalls(events: AsyncIterable<EngineEvent>, use: ToolUse, n: number, dialect: Dialect): AsyncGenerator<EngineEvent> {
  const names = use.only ?? use.functions.map(({ name }) => name);
  const mostCalls = use.parallel ? Number.POSITIVE_INFINITY : 1;
  const callsOnly = use.choice === 'required';
  const parsers = Array.from({ length: n }, () => new ToolCallParser({ dialect, names, mostCalls, callsOnly }));
  for await (const event of events) {
    if (event.type === 'text') {
      const [first, ...more] = parsers[event.choice]?.push(event.text) ?? [];
      const begins = first?.type === 'content';
      yield { ...event, text: begins ? first.text : '' };
      yield* told(event.choice, first === undefined || begins ? more : [first, ...more]);
    } else if (event.type === 'finish') {
      const parser = parsers[event.choice];
      yield* told(event.choice, parser?.end(event.reason === 'length') ?? []);
      yield parser?.brokenOff ? { ...event, brokenOff: true } : event;
    } else yield event;
  }
}

function* told(choice: number, deltas: readonly ToolCallDelta[]): Generator<EngineEvent> {
  for (const delta of deltas)
    yield delta.type === 'content' ? { type: 'text', choice, text: delta.text, tokenIds: [] } : { ...delta, choice };
}

function toolUseOf({ prompt }: GenerationRequest): ToolUse | null {
  return prompt.kind === 'chat' ? (prompt.tools ?? null) : null;
}

interface AnswerSchema {
  readonly schema: unknown;
  readonly param: string;
}

/** @throws RequestError for a form that is no JSON schema */
function answerSchema(grammar: GenerationRequest['grammar']): AnswerSchema | null {
  if (grammar === undefined) return null;
  const { spec, param } = grammar;
  if (spec.kind === 'json_schema') return { schema: spec.schema, param };
  throw new RequestError(`'${param}' cannot be carried out where the model may call functions; only a JSON schema can.`, param);
}

/** @throws GrammarRefused for the first schema that is refused by itself */
async function refuseSchema(use: ToolUse, answer: AnswerSchema | null, grammars: GrammarService, signal: AbortSignal): Promise<void> {
  const functions = heldFunctions(use).map(({ tool, index }) => ({ schema: argumentsSchema(tool), param: parametersParam(index) }));
  for (const { schema, param } of answer === null ? functions : [...functions, answer]) {
    const state = await grammars.open({ kind: 'json_schema', schema }, param, signal);
    state.close();
  }
}
