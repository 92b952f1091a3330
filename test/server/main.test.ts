import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { packageRoot } from '../../server/package-root.ts';

const checkpoint = join(packageRoot, 'test', 'fixtures', 'checkpoints', 'gqa-tied');

interface Run {
  readonly child: ChildProcess;
  readonly stdout: string[];
  readonly stderr: string[];
  readonly exit: Promise<unknown>;
  /** The first log line with this message, also one that is still to come. */
  logged(message: RegExp): Promise<Record<string, unknown>>;
}

/** The entry point in a process of its own, loaded the way this test is. */
function start(t: { teardown(free: () => unknown): void }, env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [...process.execArgv, join(packageRoot, 'server', 'main.ts')], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', MODEL: checkpoint, CACHE_DIR: join(packageRoot, '.cache', 'test'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  createInterface(child.stdout!).on('line', (line) => {
    stdout.push(line);
    for (const tell of waiting) tell(line);
  });
  createInterface(child.stderr!).on('line', (line) => stderr.push(line));
  const exit = once(child, 'close').then(([code]) => code);
  t.teardown(() => child.kill('SIGKILL'));
  const logged = (message: RegExp) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const look = (line: string) => {
        const entry = JSON.parse(line);
        if (message.test(entry.msg)) resolve(entry);
      };
      waiting.push(look);
      stdout.forEach(look);
      void exit.then((code) => reject(new Error(`The server ended with ${code} before ${message}: ${stderr.join('\n')}`)));
    });
  return { child, stdout, stderr, exit, logged };
}

async function originOf(run: Run): Promise<string> {
  const { msg } = await run.logged(/^listening at /);
  return String(msg).replace('listening at ', '');
}

t.test('a wrong setting stops the start with one line', async (t) => {
  const { exit, stdout, stderr } = start(t, { MAX_QUEUE: 'many' });
  t.equal(await exit, 1);
  t.strictSame([stdout, stderr], [[], ['MAX_QUEUE must be an integer of at least 0, but the environment says "many".']]);
});

t.test('a cache that cannot be stops the process with one line', async (t) => {
  for (const [env, line] of [
    [
      { KV_CACHE_MEMORY_BYTES: '1000' },
      /^KV_CACHE_MEMORY_BYTES is 1000 .*, but one sequence of \d+ tokens needs .*; raise it, or set MAX_MODEL_LEN to at most \d+\.$/,
    ],
    [
      { KV_CACHE_MEMORY_BYTES: String(2 ** 50) },
      /^KV_CACHE_MEMORY_BYTES is .*, but this machine has .* of memory beside the weights; lower it\.$/,
    ],
  ] as const) {
    const { exit, stderr } = start(t, env);
    t.equal(await exit, 1);
    t.match(stderr, [line]);
    t.equal(stderr.length, 1);
  }
});

t.test('a checkpoint that is not there stops the process with one line', async (t) => {
  const { exit, stderr } = start(t, { MODEL: '/nowhere/model' });
  t.equal(await exit, 1);
  t.equal(stderr.length, 1, stderr.join('\n'));
  t.match(stderr[0], /\/nowhere\/model/);
});

t.test('a port that is taken stops the process with one line', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? String(address.port) : '';
  const { exit, stderr } = start(t, { PORT: port });
  t.equal(await exit, 1);
  t.match(stderr, [new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`)]);
});

t.test('the port opens before the model is there; SIGTERM lets a running answer finish and ends with 0', async (t) => {
  const run = start(t, { SERVED_MODEL_NAME: 'mine,my/alias' });
  const origin = await originOf(run);
  t.equal((await fetch(`${origin}/health`)).status, 200);
  await run.logged(/model is ready/);
  t.equal((await fetch(`${origin}/ready`)).status, 200);
  const { data } = (await (await fetch(`${origin}/v1/models`)).json()) as { data: { id: string }[] };
  t.strictSame(
    data.map(({ id }) => id),
    ['mine', 'my/alias'],
  );

  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'my/alias', prompt: 'a', max_tokens: 60, stream: true, seed: 1 }),
  });
  // The head is here, so the generation has begun.
  run.child.kill('SIGTERM');
  t.match(await response.text(), /"finish_reason":"(length|stop)"[\s\S]*data: \[DONE\]\n\n$/);
  t.equal(await run.exit, 0);
  t.strictSame(run.stderr, []);
});

t.test('past the grace, streams end with an error event, the log says so in one line, and the end is an orderly one', async (t) => {
  const run = start(t, { SHUTDOWN_GRACE: '0' });
  const origin = await originOf(run);
  await run.logged(/model is ready/);
  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gqa-tied', prompt: 'a', max_tokens: 60, n: 4, ignore_eos: true, stream: true }),
  });
  run.child.kill('SIGTERM');
  const frames = (await response.text()).trimEnd().split('\n\n');
  t.match(JSON.parse(frames.at(-1)!.replace('data: ', '')), { error: { type: 'server_error', code: 'shutting_down' } });
  t.equal(await run.exit, 0);
  t.strictSame(run.stderr, []);
  const notices = run.stdout.map((line) => JSON.parse(line)).filter(({ level }) => level > 30);
  t.match(notices, [{ level: 40, msg: /^the grace is over/ }]);
  t.equal(notices.length, 1);
});

t.test('a signal that comes twice, as from a terminal and from npm, counts once', async (t) => {
  const run = start(t);
  const origin = await originOf(run);
  await run.logged(/model is ready/);
  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gqa-tied', prompt: 'a', max_tokens: 60, ignore_eos: true, stream: true }),
  });
  run.child.kill('SIGINT');
  await run.logged(/^closing/);
  run.child.kill('SIGINT');
  t.match(await response.text(), /data: \[DONE\]\n\n$/);
  t.equal(await run.exit, 0);
});

t.test('SIGINT while loading ends with 0', async (t) => {
  const run = start(t, { CACHE_DIR: t.testdir() });
  await originOf(run);
  run.child.kill('SIGINT');
  t.equal(await run.exit, 0, run.stderr.join('\n'));
});

t.test('nothing is written beside the cache: the runtime keeps no number of the device, and reports nothing to its maker', async (t) => {
  const home = t.testdir();
  const run = start(t, { HOME: home });
  await run.logged(/^the model is ready$/);
  run.child.kill('SIGTERM');
  t.equal(await run.exit, 0);
  t.strictSame(await readdir(home), []);
});

t.test('npm start leaves no shell between npm and the server, which would keep the signals to itself', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'));
  t.match(scripts.start, /&& exec node [^&|;]+$/);
});

t.test('the container starts the server as npm start does', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'));
  const dockerfile = await readFile(join(packageRoot, 'Dockerfile'), 'utf8');
  const command: string[] = JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '');
  t.equal(command.join(' '), scripts.start.replace(/^.*&& exec /, ''));
});
