/** What makes two compilations the same: the checkpoint's contents, as far as they can be told cheaply, and the options. */
import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from './checkpoint.ts';

/** Raised whenever equal input would give other graphs or weights than before. */
const COMPILER_VERSION = 1;

/** Files up to this size are hashed whole; of larger ones, samples spread evenly. */
const HASH_WHOLE_BYTES = 32 * 2 ** 20;
const SAMPLES = 64;
const SAMPLE_BYTES = 64 * 1024;

/**
 * Hash of compiler version, config.json, the shards (names, sizes, headers, content or samples of it) and the options.
 * Times of modification are left out, so that a copied checkpoint finds its entry.
 * @returns 32 hexadecimal digits
 */
export async function identityOf(checkpoint: Checkpoint, options: Readonly<Record<string, unknown>>): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ version: COMPILER_VERSION, options }));
  hash.update(await readFile(join(checkpoint.folder, 'config.json')));
  for (const [file, header] of checkpoint.files) {
    hash.update(JSON.stringify({ file, size: header.fileSize }));
    hash.update(header.bytes);
    await hashContent(hash, join(checkpoint.folder, file), header.fileSize);
  }
  return hash.digest('hex').slice(0, 32);
}

async function hashContent(hash: ReturnType<typeof createHash>, path: string, size: number): Promise<void> {
  const whole = size <= HASH_WHOLE_BYTES;
  const step = whole ? SAMPLE_BYTES : Math.floor((size - SAMPLE_BYTES) / (SAMPLES - 1));
  const buffer = new Uint8Array(SAMPLE_BYTES);
  const handle = await open(path, 'r');
  try {
    for (let position = 0; position < size; position += step) {
      const { bytesRead } = await handle.read(buffer, 0, SAMPLE_BYTES, position);
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
