/** Finds the chat templates of a checkpoint where transformers does. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { isObject, readJsonObject } from '../json-file.ts';

export interface TemplateSources {
  /** Null if the checkpoint has none. */
  readonly main: string | null;
  /** Takes the place of the other one when there are functions to call. */
  readonly toolUse: string | null;
}

/**
 * `chat_template.jinja` (and `additional_chat_templates/tool_use.jinja`), then `chat_template.json`, then the `chat_template` of
 * `tokenizer_config.json`, which is a string, or a list of named ones with a `default` and perhaps a `tool_use`.
 * @throws CheckpointError if a file cannot be read
 */
export async function findTemplates(folder: string): Promise<TemplateSources> {
  const main = await readTemplate(join(folder, 'chat_template.jinja'));
  if (main !== null) return { main, toolUse: await readTemplate(join(folder, 'additional_chat_templates', 'tool_use.jinja')) };
  for (const file of ['chat_template.json', 'tokenizer_config.json']) {
    const value = (await readJsonObject(folder, file))?.['chat_template'];
    if (typeof value === 'string') return { main: value, toolUse: null };
    if (!Array.isArray(value)) continue;
    const named = (name: string) => {
      const template = value.filter(isObject).find((entry) => entry['name'] === name)?.['template'];
      return typeof template === 'string' ? template : null;
    };
    const fallback = named('default');
    if (fallback !== null) return { main: fallback, toolUse: named('tool_use') };
  }
  return { main: null, toolUse: null };
}

async function readTemplate(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new CheckpointError(`${path}: cannot be read`, { cause: error });
  }
}
