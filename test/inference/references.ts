/** Reads the reference numbers that `test/fixtures/scripts/make_reference.py` wrote, and compiles checkpoints for a test. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
const references = join(root, 'test/fixtures/references');

interface Place {
  readonly offset: number;
  readonly shape: readonly number[];
}

interface ReferenceFile {
  readonly checkpoint: string;
  readonly steps: number;
  readonly pictures: Readonly<Record<string, Place>>;
  readonly prompts: readonly {
    readonly name: string;
    readonly pictures: readonly string[];
    readonly messages: readonly ReferenceMessage[];
    readonly rendered: string;
    readonly text: string;
    readonly inputIds: readonly number[];
    readonly tokens: readonly number[];
    readonly logits: Place;
  }[];
}

interface ReferenceMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: readonly ({ readonly type: 'text'; readonly text: string } | { readonly type: 'image' })[];
}

export interface ReferencePrompt {
  readonly name: string;
  readonly messages: readonly ReferenceMessage[];
  /** PNG files, in the order of the messages' images. */
  readonly pictures: readonly string[];
  /** What the checkpoint's chat template makes of the messages. */
  readonly rendered: string;
  /** Image placeholders grown to their number of tokens. */
  readonly inputIds: Int32Array;
  /** Greedy tokens: the one after the prompt, then one for each step. */
  readonly tokens: readonly number[];
  /** Text of all tokens but the last, without special tokens. */
  readonly text: string;
  /** `[3, height, width]` of each picture. */
  readonly pixels: readonly Float32Array[];
  /** Logits `[vocab]` after the prompt and after each step. */
  readonly logits: readonly Float32Array[];
}

export interface Reference {
  /** Folder of the checkpoint. */
  readonly checkpoint: string;
  readonly prompts: readonly ReferencePrompt[];
}

export async function referenceNames(): Promise<string[]> {
  const files = await readdir(references);
  return files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
}

export async function readReference(name: string): Promise<Reference> {
  const file = JSON.parse(await readFile(join(references, `${name}.json`), 'utf8')) as ReferenceFile;
  const blob = await readFile(join(references, `${name}.bin`));
  const numbers = new Float32Array(new Uint8Array(blob).buffer);
  const load = ({ offset, shape }: Place) => numbers.subarray(offset / 4, offset / 4 + shape.reduce((product, size) => product * size, 1));
  return {
    checkpoint: join(root, file.checkpoint),
    prompts: file.prompts.map((prompt) => {
      const logits = load(prompt.logits);
      const vocab = prompt.logits.shape[1]!;
      return {
        name: prompt.name,
        messages: prompt.messages,
        pictures: prompt.pictures.map((picture) => join(references, 'pictures', picture)),
        rendered: prompt.rendered,
        text: prompt.text,
        inputIds: Int32Array.from(prompt.inputIds),
        tokens: prompt.tokens,
        pixels: prompt.pictures.map((picture) => load(file.pictures[picture]!)),
        logits: Array.from({ length: prompt.logits.shape[0]! }, (_, row) => logits.subarray(row * vocab, (row + 1) * vocab)),
      };
    }),
  };
}

export function checkpointFolder(name: string): string {
  return join(root, 'test/fixtures/checkpoints', name);
}

/** A folder that is gone when the test is over. */
export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firellava-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
