/** What `npm start` gives Node.js, for tools and tests that start the server, or its parts, themselves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project.ts';

export function nodeFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { scripts: { start: string } };
  return scripts.start.match(/(?<= )--\S+/g) ?? [];
}
