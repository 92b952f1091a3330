/** Functions, their calls and their results in the messages that a chat template is given. */
import { createHash } from 'node:crypto';
import { isObject } from '../json-file.ts';
import type { ChatMessage, ContentPart, ToolCall, ToolFunction } from '../types.ts';

/** Arguments nested deeper are shown as text. */
const MAX_DEPTH = 100;

/** The form in which templates know functions by convention of Hugging Face: that of JSON requests. */
export function templateFunction({ name, description, parameters }: ToolFunction): object {
  return {
    type: 'function',
    function: { name, ...(description !== undefined && { description }), ...(parameters !== undefined && { parameters }) },
  };
}

/**
 * The same for a call.
 * @param form what the template wants: arguments as an object, or as JSON text; ids as they are, or of nine letters and digits
 */
export function templateCall(
  { id, name, arguments: text }: ToolCall,
  form: { readonly objects: boolean; readonly shortIds: boolean },
): object {
  const shown = form.objects ? parsedArguments(text) : text;
  return { id: form.shortIds ? shortId(id) : id, type: 'function', function: { name, arguments: shown } };
}

/** Mistral's templates refuse ids of another form. Equal ids stay equal. */
export function shortId(id: string): string {
  if (/^[A-Za-z0-9]{9}$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}

/** What models wrote need not be an object; then it is shown as it is. */
function parsedArguments(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && depthOf(value) <= MAX_DEPTH ? value : text;
  } catch {
    return text;
  }
}

/** Levels of objects and arrays; counted without recursion, for there may be many. */
function depthOf(value: unknown): number {
  let level = [value];
  let depth = 0;
  for (;;) {
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? [...Object.values(each), null] : []));
    if (level.length === 0) return depth;
    depth += 1;
  }
}

/** Applies `change` to each text in a JSON value, names of members included. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [change(name), mapTexts(member, change)]));
}

/** Says the name of the function in each result, as some templates want it. */
export function nameResults(messages: readonly ChatMessage[]): ChatMessage[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    for (const { id, name } of message.toolCalls ?? []) names.set(id, name);
    const name = message.role === 'tool' ? (message.name ?? names.get(message.toolCallId ?? '')) : undefined;
    return name === undefined ? message : { ...message, name };
  });
}

/** For templates that know one call at a time: each call gets a turn of its own, and its result follows. */
export function separateCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  const separate: ChatMessage[] = [];
  for (let index = 0; index < messages.length; ) {
    const message = messages[index++];
    if (message === undefined) break;
    const calls = message.toolCalls ?? [];
    if (calls.length < 2) {
      separate.push(message);
      continue;
    }
    const results = new Map<string | undefined, ChatMessage[]>();
    for (let result = messages[index]; result?.role === 'tool'; result = messages[index]) {
      const same = results.get(result.toolCallId);
      if (same === undefined) results.set(result.toolCallId, [result]);
      else same.push(result);
      index += 1;
    }
    for (const [place, call] of calls.entries()) {
      separate.push({ ...message, content: place === 0 ? message.content : [], toolCalls: [call] });
      for (const result of results.get(call.id) ?? []) separate.push(result);
      // Of calls with equal ids the first has the results.
      results.delete(call.id);
    }
    for (const others of results.values()) for (const result of others) separate.push(result);
  }
  return separate;
}

/** For templates without calls: the model reads its calls in the form that it was told, and results as the user's words. */
export function callsAsText(messages: readonly ChatMessage[]): ChatMessage[] {
  const texts: ChatMessage[] = [];
  /** Content of the user's turn that ends with a result, and is no one else's. */
  let open: ContentPart[] | null = null;
  for (const { toolCalls = [], toolCallId, ...message } of messages) {
    const result = message.role === 'tool';
    const content = result
      ? joined([say(`Result of ${message.name ?? toolCallId ?? 'the call'}:`)], message.content, '\n')
      : message.content;
    // Templates often want the user and the assistant to take turns.
    if (open !== null && (result || message.role === 'user')) append(open, content, '\n\n');
    else if (result) {
      open = [...content];
      texts.push({ role: 'user', content: open });
    } else if (toolCalls.length === 0) texts.push(message);
    else texts.push({ ...message, content: joined(content, [say(toolCalls.map(writtenCall).join('\n'))], '\n') });
    if (!result) open = null;
  }
  return texts;
}

const say = (text: string): ContentPart => ({ type: 'text', text });

function writtenCall({ name, arguments: text }: ToolCall): string {
  return `{"name": ${JSON.stringify(name)}, "arguments": ${text.trim() || '{}'}}`;
}

/** Puts contents one behind the other; texts that meet become one, as templates join parts in ways of their own. */
function joined(before: readonly ContentPart[], after: readonly ContentPart[], between: string): ContentPart[] {
  return append([...before], after, between);
}

/** The same in place: a conversation may have very many results. */
function append(content: ContentPart[], more: readonly ContentPart[], between: string): ContentPart[] {
  const last = content.at(-1);
  const [next, ...rest] = more;
  if (next === undefined) return content;
  if (last?.type === 'text' && next.type === 'text') content[content.length - 1] = say(last.text + between + next.text);
  else content.push(next);
  for (const part of rest) content.push(part);
  return content;
}

/** What a model is told whose template shows no functions. */
export function functionsText(functions: readonly ToolFunction[]): string {
  return [
    'You can call these functions:',
    ...functions.map(({ name, description, parameters = {} }) => JSON.stringify({ name, description, parameters })),
    'To call functions, answer with nothing but a JSON object for each call, each on a line of its own:',
    '{"name": <name of the function>, "arguments": <object with its arguments>}',
  ].join('\n');
}

/**
 * Puts a text in front of a conversation.
 * @param systemRole whether it may have a system message; otherwise the text is put before the first words of the user
 */
export function withInstructions(messages: readonly ChatMessage[], text: string, systemRole: boolean): ChatMessage[] {
  const role = systemRole ? 'system' : 'user';
  const at = messages.findIndex((message) => message.role === role);
  const told = messages[at];
  // A system message further on is no part of what comes first.
  if (told === undefined || (systemRole && at > 0)) return [{ role, content: [say(text)] }, ...messages];
  const content = systemRole ? joined(told.content, [say(text)], '\n\n') : joined([say(text)], told.content, '\n\n');
  return messages.with(at, { ...told, content });
}
