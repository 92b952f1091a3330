/** A server of the comparison in a process group of its own, which can be held still while another one is measured. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Launch } from './peer.ts';

const pollMs = 20;
const patienceMs = 240_000;
const stoppingMs = 15_000;

export class PeerServer {
  readonly url: string;
  readonly model: string;
  readonly #child: ChildProcess;
  #paused = false;
  /** In a group of its own it gets no signal of the terminal's, and would outlive this process. */
  readonly #kill = () => this.#signal('SIGKILL');

  private constructor(child: ChildProcess, url: string, model: string) {
    this.#child = child;
    this.url = url;
    this.model = model;
    process.once('exit', this.#kill);
  }

  /**
   * Resolves when the server says that it is ready.
   * @param log file for its output
   * @throws Error when it ends before, or is not ready in four minutes
   */
  static async start({ command, args, env, readyPath, model }: Launch, port: number, log: string): Promise<PeerServer> {
    await using output = await open(log, 'a');
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', output.fd, output.fd], detached: true });
    child.once('error', () => undefined); // told by `ready`
    const url = `http://127.0.0.1:${port}`;
    const server = new PeerServer(child, url, model);
    try {
      await server.#ready(url + readyPath, log);
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async #ready(url: string, log: string): Promise<void> {
    const giveUp = performance.now() + patienceMs;
    while (performance.now() < giveUp) {
      if (this.#child.pid === undefined || this.#ended()) throw new Error(`It ended before it was ready; its output is in ${log}.`);
      const status = await fetch(url).then(
        (response) => response.body?.cancel().then(() => response.status) ?? response.status,
        () => undefined, // not listening yet
      );
      if (status === 200) return;
      await delay(pollMs);
    }
    throw new Error(`It was not ready within ${patienceMs / 1000} s; its output is in ${log}.`);
  }

  #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Takes the processor from the whole group, so that threads that spin while idle cost others nothing. */
  pause(): void {
    if (!this.#paused) this.#signal('SIGSTOP');
    this.#paused = true;
  }

  resume(): void {
    if (this.#paused) this.#signal('SIGCONT');
    this.#paused = false;
  }

  async stop(): Promise<void> {
    this.resume();
    process.off('exit', this.#kill);
    if (this.#child.pid === undefined) return;
    const gone = this.#ended() ? null : once(this.#child, 'exit');
    if (gone !== null) {
      this.#signal('SIGTERM');
      await Promise.race([gone, delay(stoppingMs, undefined, { ref: false })]);
    }
    this.#signal('SIGKILL'); // and whatever the group still has
    await gone;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // the group has ended
    }
  }
}
