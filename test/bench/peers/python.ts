/** Python packages in an environment of their own, and single files from PyPI. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../model/folder.ts';
import { command } from './command.ts';

const uvVersion = '0.13.9';

/** The environment's program. */
export const program = (folder: string, name: string) => join(folder, 'venv', 'bin', name);

/**
 * Makes `<folder>/venv` with these packages. uv keeps one copy of a file however many environments have it.
 * @param overrides requirements that replace those of the packages themselves
 */
export async function environment(folder: string, packages: readonly string[], overrides: readonly string[] = []): Promise<void> {
  if (await exists(join(folder, 'venv', 'complete'))) return;
  const tools = join(folder, '..', 'uv');
  const uv = join(tools, 'bin', 'uv');
  const env = { UV_CACHE_DIR: join(folder, '..', 'uv-cache') };
  if (!(await exists(uv))) await command(folder, 'python3', ['-m', 'pip', 'install', '--quiet', '--target', tools, `uv==${uvVersion}`]);
  await command(folder, uv, ['venv', '--clear', '--python', 'python3', 'venv'], env);
  const listed = overrides.length === 0 ? [] : ['--overrides', await requirements(folder, overrides)];
  await command(folder, uv, ['pip', 'install', '--python', program(folder, 'python'), ...listed, ...packages], env);
  await writeFile(join(folder, 'venv', 'complete'), '');
}

async function requirements(folder: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, 'overrides.txt');
  await writeFile(path, lines.join('\n'));
  return path;
}

/** Downloads one distribution, without what it depends on, into `folder`. */
export async function download(folder: string, requirement: string, kind: 'wheel' | 'source'): Promise<void> {
  const choice = kind === 'wheel' ? '--only-binary' : '--no-binary';
  await command(folder, 'python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', choice, ':all:', '--dest', folder, requirement]);
}
