/** Reads one JSON file of a checkpoint folder as an untrusted object. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from './errors.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The object in `folder/name`, or null if there is no such file.
 * @throws CheckpointError if the file cannot be read or holds anything but an object
 */
export async function readJsonObject(folder: string, name: string): Promise<JsonObject | null> {
  const path = join(folder, name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new CheckpointError(`${path}: cannot be read`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`${path}: is not valid JSON`, { cause: error });
  }
  if (!isObject(value)) throw new CheckpointError(`${path}: expected a JSON object`);
  return value;
}
