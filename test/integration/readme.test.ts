/** The README's examples answer as they are printed there. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { packageRoot } from '../../server/package-root.ts';
import { startServer } from '../helper.ts';

const run = promisify(execFile);
const readme = await readFile(join(packageRoot, 'README.md'), 'utf8');

/** The code blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code = '']) => code);
}

/** The block that holds `text`, asking the server of the test. */
function example(language: string, text: string, origin: string): string {
  const found = blocks(language).find((block) => block.includes(text));
  if (found === undefined) throw new Error(`The README has no ${language} block with ${text}`);
  return found.replaceAll('http://127.0.0.1:8000', origin);
}

t.test('the examples of the README', async (t) => {
  const server = await startServer({ servedNames: ['firellava-tiny'] });
  t.teardown(() => server.close());

  const hasCurl = await run('curl', ['--version']).then(
    () => true,
    () => false,
  );
  await t.test('curl', { skip: !hasCurl && 'no curl here' }, async (t) => {
    const { stdout } = await run('sh', ['-c', example('sh', 'curl', server.origin)], { cwd: packageRoot });
    t.match(JSON.parse(stdout), { choices: [{ message: JSON.parse(blocks('json')[0] ?? '') }] });
  });

  await t.test('the openai package', async (t) => {
    // Beside package.json, so that the package is found.
    const file = join(packageRoot, '.tap', 'readme-example.mjs');
    t.teardown(() => rm(file, { force: true }));
    await writeFile(file, example('js', 'openai', server.origin));
    const { stdout } = await run(process.execPath, [file], { cwd: packageRoot });
    t.equal(stdout, blocks('text')[0]?.trimEnd());
  });

  t.ok(blocks('sh').includes('npm ci && npm start\n') && blocks('sh').includes('npm ci && npm test\n'), 'the two commands stand there');
});
