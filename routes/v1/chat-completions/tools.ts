/** From `tools` and `tool_choice` to what the engine is told of functions; pure. */
import type { ToolCall, ToolFunction, ToolUse } from '../../../inference/types.ts';
import { ApiError, InvalidValue, UnsupportedParameter } from '../../../plugins/errors/api-error.ts';
import type { ChatBody } from './schema.ts';
import type { ToolBody } from './tool-schema.ts';

/** A schema this deep would only be refused later. */
const MAX_DEPTH = 100;

type Message = ChatBody['messages'][number];
type Choice = Exclude<NonNullable<ToolBody['tool_choice']>, string>;

/**
 * @returns nothing if the model is to call nothing: it is not shown the functions then
 * @throws ApiError for functions that cannot be told apart, and for a choice among none or of one that is not there
 */
export function toolUseOf(body: ToolBody): ToolUse | undefined {
  const { tools = [], tool_choice: choice = 'auto', parallel_tool_calls: parallel = true } = body;
  const functions = tools.map((tool, index) => checkedFunction(tool.function, index));
  const names = functions.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice >= 0)
    throw new InvalidValue(
      `There is more than one function '${names[twice]}'; each needs a name of its own.`,
      `tools[${twice}].function.name`,
    );
  if (functions.length === 0) {
    // To call nothing, or to call if there were something, is what happens anyway.
    if (choice === 'none' || choice === 'auto') return undefined;
    throw new InvalidValue("'tool_choice' is only allowed when 'tools' are specified.", 'tool_choice');
  }
  if (choice === 'none') return undefined;
  if (typeof choice === 'string') return { functions, choice, parallel };
  if (choice.type === 'function') {
    const only = [chosen(choice.function.name, names, 'tool_choice.function.name')];
    return { functions, choice: 'required', only, parallel: false };
  }
  return { functions, choice: choice.allowed_tools.mode, only: allowed(choice, names), parallel };
}

function allowed({ allowed_tools }: Extract<Choice, { type: 'allowed_tools' }>, names: readonly string[]): string[] {
  return allowed_tools.tools.map((tool, index) =>
    chosen(tool.function.name, names, `tool_choice.allowed_tools.tools[${index}].function.name`),
  );
}

function chosen(name: string, names: readonly string[], param: string): string {
  if (names.includes(name)) return name;
  throw new InvalidValue(`There is no function '${name}' in 'tools'.`, param);
}

function checkedFunction(
  { name, description, parameters, strict }: NonNullable<ToolBody['tools']>[number]['function'],
  index: number,
): ToolFunction {
  const param = `tools[${index}].function.parameters`;
  const type = parameters?.['type'];
  if (type !== undefined && type !== 'object') {
    throw new ApiError(`Invalid schema for function '${name}': its arguments are an object, so the schema has the type 'object'.`, {
      status: 400,
      code: 'invalid_function_parameters',
      param,
    });
  }
  if (deeperThan(parameters, MAX_DEPTH)) throw new InvalidValue(`'${param}' is nested more than ${MAX_DEPTH} levels deep.`, param);
  return {
    name,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters }),
    ...(strict !== undefined && { strict }),
  };
}

/** Looks level by level: recursion would not survive what is refused here. */
function deeperThan(value: unknown, depth: number): boolean {
  let level: unknown[] = [value];
  for (let left = depth; level.length > 0; left -= 1) {
    level = level.filter((each) => typeof each === 'object' && each !== null);
    if (level.length > 0 && left === 0) return true;
    level = level.flatMap((each) => Object.values(each ?? {}));
  }
  return false;
}

/** @throws InvalidValue for the result of a call that no earlier turn has */
export function checkResults(messages: readonly Message[]): void {
  const called = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message.role === 'assistant') for (const { id } of message.tool_calls ?? []) called.add(id);
    if (message.role !== 'tool' || called.has(message.tool_call_id)) continue;
    throw new InvalidValue(
      "A message with the role 'tool' must answer a call of an earlier message with 'tool_calls'; no such call has this id.",
      `messages[${index}].tool_call_id`,
    );
  }
}

export function toolCallsOf(message: Extract<Message, { role: 'assistant' }>): readonly ToolCall[] {
  return (message.tool_calls ?? []).map(({ id, function: { name, arguments: text } }) => ({ id, name, arguments: text }));
}

/**
 * What makes no sense for an answer that is calls, or is held to their form.
 * @throws UnsupportedParameter
 */
export function checkBesideTools(body: ChatBody, { functions, choice, only }: ToolUse): void {
  if (body.structured_outputs !== undefined) {
    throw new UnsupportedParameter('structured_outputs', "Leave it out together with 'tools', or use 'response_format'.");
  }
  if (choice === 'auto' && only === undefined && !functions.some(({ strict }) => strict)) return;
  if (body.ignore_eos) throw new UnsupportedParameter('ignore_eos', 'Leave it out where calls are held to their schemas.');
  if (body.min_tokens) throw new UnsupportedParameter('min_tokens', 'Leave it out where calls are held to their schemas.');
}
