/** A folder that is made once: whoever comes second finds it whole, and nothing half made stays. */
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * @param write fills an empty folder, which is then renamed
 * @returns whether this call made it
 */
export async function writtenOnce(folder: string, write: (unfinished: string) => Promise<void>): Promise<boolean> {
  if (await exists(folder)) return false;
  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.`);
  try {
    await write(unfinished);
    await rename(unfinished, folder);
    return true;
  } catch (error) {
    await rm(unfinished, { recursive: true });
    if (await exists(folder)) return false; // someone else finished first
    throw error;
  }
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
