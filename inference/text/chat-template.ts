/** Renders a conversation with the checkpoint's own chat template, and keeps what users wrote apart from its structure. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { ChatTemplateRefused, CheckpointError } from '../errors.ts';
import { isObject, readJsonObject } from '../json-file.ts';
import type { ChatMessage, ContentPart } from '../types.ts';
import { ControlTokens, Guard } from './guard.ts';
import type { Tokenizer } from './tokenizer.ts';

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
  /** @throws ChatTemplateRefused if the template raises an exception, or fails, on these messages */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): RenderedChat;
}

/**
 * Finds the template where transformers does: `chat_template.jinja`, then `chat_template.json`, then the `chat_template`
 * of `tokenizer_config.json` (a string, or a list of named ones with a `default`).
 * @throws CheckpointError if the template cannot be read or parsed
 */
export async function loadChatTemplate(checkpointFolder: string, tokenizer: Tokenizer): Promise<ChatTemplate> {
  const source = await findTemplate(checkpointFolder);
  try {
    return new CheckpointTemplate(source, tokenizer);
  } catch (error) {
    throw new CheckpointError(
      `${checkpointFolder}: the chat template cannot be parsed (${error instanceof Error ? error.message : error})`,
      {
        cause: error,
      },
    );
  }
}

async function findTemplate(folder: string): Promise<string | null> {
  try {
    return await readFile(join(folder, 'chat_template.jinja'), 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw new CheckpointError(`${join(folder, 'chat_template.jinja')}: cannot be read`, { cause: error });
    }
  }
  for (const file of ['chat_template.json', 'tokenizer_config.json']) {
    const value = (await readJsonObject(folder, file))?.['chat_template'];
    if (typeof value === 'string') return value;
    if (!Array.isArray(value)) continue;
    const named = value.filter(isObject).find((entry) => entry['name'] === 'default')?.['template'];
    if (typeof named === 'string') return named;
  }
  return null;
}

class CheckpointTemplate implements ChatTemplate {
  readonly own: boolean;
  readonly contentFormat: 'parts' | 'string';
  readonly #template: Template;
  readonly #control: ControlTokens;
  readonly #imageToken: string;
  readonly #variables: Readonly<Record<string, string>>;

  constructor(source: string | null, tokenizer: Tokenizer) {
    this.own = source !== null;
    const text = source ?? defaultChatTemplate;
    this.#template = new Template(text);
    this.#imageToken = tokenizer.imageToken ?? '';
    // As transformers' `sanitize_control_tokens`: special tokens, and other added tokens that the template writes.
    const control = tokenizer.addedTokens.filter(
      ({ special, content }) => special || content === tokenizer.imageToken || (text.includes(content) && content.trim() !== ''),
    );
    this.#control = new ControlTokens(control.map((token) => token.content));
    this.#variables = tokenizer.specialTokens;
    this.contentFormat = this.#detectFormat();
  }

  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): RenderedChat {
    const texts = messages.flatMap((message) => [
      message.name ?? '',
      ...message.content.map((part) => (part.type === 'text' ? part.text : '')),
    ]);
    const guard = new Guard(this.#control, texts);
    const guarded = this.#run(
      messages.map((message) => ({
        role: message.role,
        content: this.contentFormat === 'parts' ? this.#parts(message.content, guard) : this.#string(message.content, guard),
        ...(message.name === undefined ? {} : { name: guard.protect(message.name) }),
      })),
      addGenerationPrompt,
    );
    const restore = (stretch: string) => guard.restore(stretch);
    return { text: restore(guarded), guarded, restore };
  }

  #parts(content: readonly ContentPart[], guard: Guard): unknown[] {
    return content.map((part) => (part.type === 'image' ? { type: 'image' } : { type: 'text', text: guard.protect(part.text) }));
  }

  #string(content: readonly ContentPart[], guard: Guard): string {
    const images = content.filter((part) => part.type === 'image').map(() => `${this.#imageToken}\n`);
    const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
    return images.join('') + guard.protect(texts.join('\n'));
  }

  #run(messages: readonly unknown[], addGenerationPrompt: boolean): string {
    try {
      return this.#template.render({ ...this.#variables, messages, add_generation_prompt: addGenerationPrompt });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ChatTemplateRefused(`The model's chat template refused the messages: ${reason}`, 'messages');
    }
  }

  /** Shows the template a list of parts: one that iterates over them writes the text bare and the placeholder once. */
  #detectFormat(): 'parts' | 'string' {
    const probe = 'QPZMXW';
    try {
      const content = [...(this.#imageToken === '' ? [] : [{ type: 'image' }]), { type: 'text', text: probe }];
      const rendered = this.#run([{ role: 'user', content }], true);
      const bare = rendered.split(probe).length === 2 && !/["']text["']\s*:/.test(rendered);
      return bare && rendered.includes(this.#imageToken) ? 'parts' : 'string';
    } catch {
      return 'string';
    }
  }
}
