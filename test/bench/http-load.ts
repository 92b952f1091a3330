/** The same clients over HTTP, streamed, against a server in a process of its own. */
import { once } from 'node:events';
import { type RunningServer, startServer } from '../tools/server.ts';
import { streamed } from './client.ts';
import { type Answered, closedLoop, type Load } from './load.ts';
import type { Phase } from './phases.ts';
import { type Plan, slots } from './plan.ts';
import type { PhaseProfile } from './profile.ts';
import type { HttpLevel } from './results.ts';
import { type Asked, cacheFolder, type Workload } from './workloads.ts';

/** Clients with which the server's thread is sampled. */
const profiledClients = 16;

export async function measureHttp(workload: Workload, plan: Plan): Promise<HttpLevel[]> {
  return withServer(workload, plan, './loop-gap-preload.js', async (server, load) => {
    const levels: HttpLevel[] = [];
    for (const { clients, requests } of plan.levels) {
      const asked = await load.prepare(requests);
      server.child.send('gap:start');
      const result = await load.run(clients, asked);
      const { longestGapMs } = await told<{ longestGapMs: number }>(server, 'gap:read');
      levels.push({ ...result, longestGapMs });
    }
    return levels;
  });
}

/** What the server's thread does under load. */
export async function profileHttp(workload: Workload, plan: Plan): Promise<PhaseProfile> {
  return withServer(workload, plan, './phases-preload.js', async (server, load) => {
    const asked = await load.prepare(4 * profiledClients);
    server.child.send('phases:start');
    await load.run(profiledClients, asked);
    const { phases } = await told<{ phases: Phase[] }>(server, 'phases:read');
    return { workload: workload.name, clients: profiledClients, phases };
  });
}

interface HttpLoad {
  prepare(requests: number): Promise<Asked[]>;
  run(clients: number, asked: readonly Asked[]): Promise<Load>;
}

/** Starts a server with the workload's model, warms it, and stops it in the end. */
async function withServer<Result>(
  workload: Workload,
  plan: Plan,
  preload: string,
  use: (server: RunningServer, load: HttpLoad) => Promise<Result>,
): Promise<Result> {
  const env = {
    MODEL: workload.checkpoint,
    SERVED_MODEL_NAME: workload.name,
    QUANTIZATION: workload.quantization,
    MAX_MODEL_LEN: String(workload.maxModelLen),
    MAX_NUM_SEQS: String(slots),
    THREADS: String(plan.threads),
    CACHE_DIR: cacheFolder(),
  };
  const server = await startServer(env, ['--import', new URL(preload, import.meta.url).href]);
  let number = 500_000;
  const load: HttpLoad = {
    prepare: (requests) => Promise.all(Array.from({ length: requests }, () => workload.ask(number++))),
    run: (clients, asked) => closedLoop(clients, asked.length, (i) => ask(server.url, workload, asked[i] as Asked)),
  };
  try {
    await load.run(slots, await load.prepare(slots));
    return await use(server, load);
  } finally {
    await server.stop();
  }
}

/** Asks what is loaded into the server's process. */
async function told<Answer>({ child }: RunningServer, question: string): Promise<Answer> {
  const answer = once(child, 'message') as Promise<[Answer]>;
  child.send(question);
  return (await answer)[0];
}

/** One streamed request, read to its end. */
function ask(url: string, workload: Workload, asked: Asked): Promise<Answered> {
  return streamed(url + asked.path, { model: workload.name, max_tokens: workload.maxTokens, ...asked.body });
}
