/** What a checkpoint folder says about itself, for listings: its licence and its age. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface ModelCard {
  /** As in the front matter of the model card (`README.md`), or `unknown`. */
  readonly license: string;
  /** Unix seconds at which `config.json` was written. */
  readonly created: number;
}

/** Never fails: a folder without a card has an unknown licence. */
export async function readModelCard(checkpointFolder: string): Promise<ModelCard> {
  const [card, config] = await Promise.all([
    readFile(join(checkpointFolder, 'README.md'), 'utf8').catch(() => ''),
    stat(join(checkpointFolder, 'config.json')).catch(() => null),
  ]);
  const frontMatter = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1] ?? '';
  const license = /^license:\s*["']?([^"'\r\n]+)/m.exec(frontMatter)?.[1]?.trim() ?? 'unknown';
  return { license, created: Math.floor((config?.mtimeMs ?? 0) / 1000) };
}
