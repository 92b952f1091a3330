/** Starts the compiled server as users do, in a process of its own, and stops it again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeFlags } from './node-flags.ts';
import { projectRoot } from './project.ts';

export interface RunningServer {
  /** Without `/v1`. */
  readonly url: string;
  /** Has an IPC channel, for what `nodeArgs` may have preloaded. */
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/**
 * @param env added to the environment; `PORT` is chosen here
 * @param nodeArgs put before the script
 * @throws Error when the server ends or is not ready within `patienceMs`
 */
export async function startServer(
  env: Readonly<Record<string, string>> = {},
  nodeArgs: readonly string[] = [],
  patienceMs = 180_000,
): Promise<RunningServer> {
  const root = projectRoot();
  const port = await freePort();
  const child = spawn(process.execPath, [...nodeFlags(), ...nodeArgs, join(root, 'dist', 'server', 'main.js')], {
    cwd: root,
    env: { LOG_LEVEL: 'error', ...process.env, HOST: '127.0.0.1', ...env, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = () => stopped(child);
  try {
    await ready(child, url, patienceMs);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, child, stop };
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return address.port;
}

async function ready(child: ChildProcess, url: string, patienceMs: number): Promise<void> {
  const giveUp = performance.now() + patienceMs;
  while (performance.now() < giveUp) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`The server ended with ${child.signalCode ?? `code ${child.exitCode}`} before it was ready.`);
    }
    const status = await fetch(`${url}/ready`).then(
      (response) => response.body?.cancel().then(() => response.status),
      () => undefined, // not listening yet
    );
    if (status === 200) return;
    await delay(100);
  }
  throw new Error(`The server was not ready within ${patienceMs / 1000} s.`);
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(force);
}
