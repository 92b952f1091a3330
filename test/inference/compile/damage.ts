/** Copies of a fixture checkpoint that are changed or damaged on purpose. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { checkpointFolder, temporaryFolder } from '../references.ts';

export async function copyOf(t: Test, name: string): Promise<string> {
  const folder = await temporaryFolder(t);
  await cp(checkpointFolder(name), folder, { recursive: true });
  return folder;
}

type Json = Record<string, unknown>;

export async function editJson(folder: string, file: string, edit: (json: Json) => unknown): Promise<void> {
  const path = join(folder, file);
  const json = JSON.parse(await readFile(path, 'utf8')) as Json;
  await writeFile(path, JSON.stringify(edit(json) ?? json));
}

/** Rewrites the header of a safetensors file; the tensors' bytes stay as they are. */
export async function editHeader(
  folder: string,
  file: string,
  edit: (header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>) => void,
): Promise<void> {
  const path = join(folder, file);
  const bytes = await readFile(path);
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, end));
  edit(header);
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path, Buffer.concat([length, text, bytes.subarray(end)]));
}
