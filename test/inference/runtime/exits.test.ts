import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scenarios = fileURLToPath(new URL('../../fixtures/runtime/exits.ts', import.meta.url));
const graphs = path.dirname(scenarios);

/** Compiles the runtime and the scenarios, as the loader of the tests would take seconds in each process and worker. */
async function compile(folder: string): Promise<string> {
  const entry = path.relative(root, scenarios).replace(/\.ts$/, '');
  const runtime = (await readdir(path.join(root, 'inference/runtime'))).map((name) => `inference/runtime/${path.parse(name).name}`);
  for (const name of [...runtime, 'inference/errors', 'inference/models/spec', entry]) {
    const compilerOptions: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    };
    const { outputText } = ts.transpileModule(await readFile(path.join(root, `${name}.ts`), 'utf8'), { compilerOptions });
    const file = path.join(folder, `${name}.js`);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, outputText);
  }
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
  return path.join(folder, `${entry}.js`);
}

t.test('leaving while the runtime works does not crash', async (t) => {
  const program = await compile(t.testdir());
  /** Exit code and signal of a process that plays one scenario. */
  const leave = (scenario: string) => once(fork(program, [scenario, graphs], { execArgv: [], stdio: 'inherit' }), 'exit');
  t.same(await leave('exit'), [0, null], 'process.exit during a run');
  t.same(await leave('end'), [0, null], 'the end of the program, with everything open');
  t.same(await leave('loading'), [0, null], 'process.exit while a graph loads');
  t.same(await leave('worker'), [0, null], 'a worker that is terminated during a run');
});
