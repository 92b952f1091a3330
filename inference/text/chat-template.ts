/** Renders a conversation with the checkpoint's own chat template, and keeps what users wrote apart from its structure. */
import { Template } from '@huggingface/jinja';
import { ChatTemplateRefused, CheckpointError } from '../errors.ts';
import type { ChatMessage, ContentPart, ToolFunction } from '../types.ts';
import { ControlTokens, Guard } from './guard.ts';
import { findAbilities, type TemplateAbilities } from './template-abilities.ts';
import { findTemplates } from './template-source.ts';
import { TimeLimitExceeded, withTimeLimit } from './time-limit.ts';
import type { Tokenizer } from './tokenizer.ts';
import { createDialect, type Dialect } from './tool-calls/dialect.ts';
import {
  callsAsText,
  functionsText,
  mapTexts,
  nameResults,
  separateCalls,
  shortId,
  templateCall,
  templateFunction,
  withInstructions,
} from './tool-messages.ts';

/**
 * FireLLaVA's form, for checkpoints without a template: Vicuna's turns with two line breaks.
 * How turns are joined is not documented by Fireworks; `</s>` after each answer is Vicuna's way.
 */
const defaultChatTemplate = `{%- for message in messages -%}
{%- if message['role'] == 'system' -%}
{{- 'SYSTEM: ' + message['content'] + '\\n\\n' -}}
{%- elif message['role'] == 'user' -%}
{{- 'USER: ' + message['content'] + '\\n\\n' -}}
{%- elif message['role'] == 'assistant' -%}
{{- 'ASSISTANT: ' + message['content'] + eos_token -}}
{%- else -%}
{{- raise_exception('the role ' + message['role'] + ' is not supported; use system, user or assistant') -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'ASSISTANT:' -}}{%- endif -%}`;

/** Renderings take milliseconds; the thread is blocked as long. */
const defaultTimeLimitMs = 3000;

/**
 * A conversation of so little is rendered without a clock, which costs several times the rendering, by a template that has shown at
 * its loading that it ends and that counts nothing by itself: it can only go through what it is given.
 */
const brief = { messages: 16, characters: 8000 };

/** A rendered conversation. */
interface RenderedChat {
  /** What the model reads, as text. */
  readonly text: string;
  /** The same with stand-ins in user text, for `Tokenizer.encode` with `restore`. */
  readonly guarded: string;
  restore(stretch: string): string;
}

export interface ChatTemplate {
  /** False if the checkpoint has no template and FireLLaVA's form is used. */
  readonly own: boolean;
  /** Whether messages reach the template as lists of parts, or as one string with image placeholders in front. */
  readonly contentFormat: 'parts' | 'string';
  /** How the model writes calls when it is shown functions. */
  readonly dialect: Dialect;
  /**
   * A template that shows no functions is given them in words, as part of the system message; one that shows no calls is given
   * them, and their results, as what the assistant and the user said.
   * @param functions that the model may call; default none
   * @throws ChatTemplateRefused if the template raises an exception, fails, or takes too long on these messages
   */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean, functions?: readonly ToolFunction[]): RenderedChat;
}

/**
 * Reads the template of a checkpoint, or the two of one that has its own for functions.
 * @param timeLimitMs most that one rendering may take
 * @throws CheckpointError if a template cannot be read or parsed, or does not end on a short conversation
 */
export async function loadChatTemplate(
  checkpointFolder: string,
  tokenizer: Tokenizer,
  timeLimitMs = defaultTimeLimitMs,
): Promise<ChatTemplate> {
  const { main, toolUse } = await findTemplates(checkpointFolder);
  try {
    const plain = new CheckpointTemplate(main, tokenizer, timeLimitMs);
    return toolUse === null ? plain : withToolTemplate(plain, new CheckpointTemplate(toolUse, tokenizer, timeLimitMs));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(
      error instanceof TimeLimitExceeded
        ? `${checkpointFolder}: the chat template was stopped on a short conversation, ${reason}`
        : `${checkpointFolder}: the chat template cannot be parsed (${reason})`,
      { cause: error },
    );
  }
}

function withToolTemplate(plain: ChatTemplate, forTools: ChatTemplate): ChatTemplate {
  return {
    own: plain.own,
    contentFormat: plain.contentFormat,
    dialect: forTools.dialect,
    render: (messages, addGenerationPrompt, functions = []) =>
      (functions.length === 0 ? plain : forTools).render(messages, addGenerationPrompt, functions),
  };
}

class CheckpointTemplate implements ChatTemplate {
  readonly own: boolean;
  readonly contentFormat: 'parts' | 'string';
  readonly dialect: Dialect;
  readonly #template: Template;
  readonly #control: ControlTokens;
  readonly #imageToken: string;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #abilities: TemplateAbilities;
  readonly #timeLimitMs: number;
  readonly #counts: boolean;

  constructor(source: string | null, tokenizer: Tokenizer, timeLimitMs: number) {
    this.#timeLimitMs = timeLimitMs;
    this.own = source !== null;
    const text = source ?? defaultChatTemplate;
    this.#counts = /\brange\b/.test(text);
    this.#template = new Template(text);
    this.#imageToken = tokenizer.imageToken ?? '';
    // As transformers' `sanitize_control_tokens`: special tokens, and other added tokens that the template writes.
    const control = tokenizer.addedTokens.filter(
      ({ special, content }) => special || content === tokenizer.imageToken || (text.includes(content) && content.trim() !== ''),
    );
    this.#control = new ControlTokens(control.map((token) => token.content));
    this.#variables = tokenizer.specialTokens;
    this.contentFormat = this.#detectFormat();
    this.#abilities = findAbilities((messages, functions) => this.#run(messages, true, functions), this.contentFormat);
    this.dialect = createDialect(this.#abilities.functions ? text : null, tokenizer);
  }

  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean, functions: readonly ToolFunction[] = []): RenderedChat {
    const prepared = this.#prepare(messages, functions);
    const shown = this.#abilities.functions ? functions.map(templateFunction) : [];
    const texts = prepared.flatMap((message) => [
      message.name ?? '',
      message.toolCallId ?? '',
      ...message.content.map((part) => (part.type === 'text' ? part.text : '')),
    ]);
    const calls = prepared.map((message) => (message.toolCalls ?? []).map((call) => this.#call(call)));
    const rest = JSON.stringify([shown, calls]);
    const guard = new Guard(this.#control, [...texts, rest]);
    const characters = texts.reduce((sum, text) => sum + text.length, rest.length);
    const isBrief = !this.#counts && prepared.length <= brief.messages && characters <= brief.characters;
    const protect = (text: string) => guard.protect(text);
    const guarded = this.#runOrRefuse(
      prepared.map((message, index) => ({
        role: message.role,
        content: this.#takesParts(message) ? this.#parts(message.content, guard) : this.#string(message.content, guard),
        ...(message.name === undefined ? {} : { name: protect(message.name) }),
        ...(message.toolCalls === undefined ? {} : { tool_calls: mapTexts(calls[index], protect) }),
        ...(message.toolCallId === undefined ? {} : { tool_call_id: protect(this.#id(message.toolCallId)) }),
      })),
      addGenerationPrompt,
      mapTexts(shown, protect),
      isBrief,
    );
    const restore = (stretch: string) => guard.restore(stretch);
    return { text: restore(guarded), guarded, restore };
  }

  /** Says with other messages what the template cannot show. */
  #prepare(messages: readonly ChatMessage[], functions: readonly ToolFunction[]): readonly ChatMessage[] {
    const { calls, systemRole } = this.#abilities;
    let prepared = messages;
    if (messages.some(({ role, toolCalls }) => role === 'tool' || toolCalls !== undefined)) {
      prepared = nameResults(messages);
      if (calls === null) prepared = callsAsText(prepared);
      else if (!calls.several) prepared = separateCalls(prepared);
    }
    if (functions.length === 0 || this.#abilities.functions) return prepared;
    return withInstructions(prepared, functionsText(functions), systemRole);
  }

  #call(call: Parameters<typeof templateCall>[0]): object {
    return templateCall(call, this.#abilities.calls ?? { objects: true, shortIds: false });
  }

  #id(id: string): string {
    return this.#abilities.calls?.shortIds === true ? shortId(id) : id;
  }

  #takesParts({ role }: ChatMessage): boolean {
    return this.contentFormat === 'parts' && (role !== 'tool' || this.#abilities.calls?.parts !== false);
  }

  #parts(content: readonly ContentPart[], guard: Guard): unknown[] {
    return content.map((part) => (part.type === 'image' ? { type: 'image' } : { type: 'text', text: guard.protect(part.text) }));
  }

  #string(content: readonly ContentPart[], guard: Guard): string {
    const images = content.filter((part) => part.type === 'image').map(() => `${this.#imageToken}\n`);
    const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
    return images.join('') + guard.protect(texts.join('\n'));
  }

  #runOrRefuse(messages: readonly unknown[], addGenerationPrompt: boolean, functions: unknown, isBrief: boolean): string {
    try {
      return this.#run(messages, addGenerationPrompt, functions, isBrief);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ChatTemplateRefused(`The model's chat template refused the messages: ${reason}`, 'messages');
    }
  }

  /** @throws TimeLimitExceeded; whatever the template does */
  #run(messages: readonly unknown[], addGenerationPrompt: boolean, functions: unknown = [], isBrief = false): string {
    // Transformers gives templates null for what there is none of.
    const tools = Array.isArray(functions) && functions.length > 0 ? functions : null;
    const variables = { ...this.#variables, messages, tools, documents: null, add_generation_prompt: addGenerationPrompt };
    const render = () => this.#template.render(variables);
    return isBrief ? render() : withTimeLimit(this.#timeLimitMs, render);
  }

  /** Shows the template a list of parts: one that iterates over them writes the text bare and the placeholder once. */
  #detectFormat(): 'parts' | 'string' {
    const probe = 'QPZMXW';
    try {
      const content = [...(this.#imageToken === '' ? [] : [{ type: 'image' }]), { type: 'text', text: probe }];
      const rendered = this.#run([{ role: 'user', content }], true);
      const bare = rendered.split(probe).length === 2 && !/["']text["']\s*:/.test(rendered);
      return bare && rendered.includes(this.#imageToken) ? 'parts' : 'string';
    } catch (error) {
      if (error instanceof TimeLimitExceeded) throw error;
      return 'string';
    }
  }
}
