/** Runs a program to its end, its output in a file beside what it makes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A program ended badly or could not be started. */
class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/**
 * Output goes to `install.log` in `folder`, where the program also runs.
 * @throws CommandFailed with the last line that tells of an error
 */
export async function command(
  folder: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const path = join(folder, 'install.log');
  await using log = await open(path, 'a');
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', log.fd, log.fd] });
  const [code] = (await once(child, 'close').catch((error: Error) => {
    throw new CommandFailed(`${program} cannot be started: ${error.message}`);
  })) as [number | null];
  if (code === 0) return;
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  const telling = lines.findLast((line) => /error|failed|fatal/i.test(line)) ?? lines.at(-1) ?? 'no output';
  throw new CommandFailed(`${[program, ...args.slice(0, 3)].join(' ')} … ended with code ${code}: ${telling.trim().slice(0, 200)}`);
}
