/** The same clients over HTTP, streamed, against a server in a process of its own. */
import { once } from 'node:events';
import { startServer } from '../tools/server.ts';
import { streamed } from './client.ts';
import { type Answered, closedLoop } from './load.ts';
import { type Plan, slots } from './plan.ts';
import type { HttpLevel } from './results.ts';
import { type Asked, cacheFolder, type Workload } from './workloads.ts';

export async function measureHttp(workload: Workload, plan: Plan): Promise<HttpLevel[]> {
  const preload = new URL('./loop-gap-preload.js', import.meta.url).href;
  const env = {
    MODEL: workload.checkpoint,
    SERVED_MODEL_NAME: workload.name,
    QUANTIZATION: workload.quantization,
    MAX_MODEL_LEN: String(workload.maxModelLen),
    MAX_NUM_SEQS: String(slots),
    THREADS: String(plan.threads),
    CACHE_DIR: cacheFolder(),
  };
  const server = await startServer(env, ['--import', preload]);
  let number = 500_000;
  const load = async (clients: number, requests: number) => {
    const asked = await Promise.all(Array.from({ length: requests }, () => workload.ask(number++)));
    return closedLoop(clients, requests, (i) => ask(server.url, workload, asked[i] as Asked));
  };
  try {
    await load(slots, slots);
    const levels: HttpLevel[] = [];
    for (const { clients, requests } of plan.levels) {
      server.child.send('gap:start');
      const result = await load(clients, requests);
      const told = once(server.child, 'message') as Promise<[{ longestGapMs: number }]>;
      server.child.send('gap:read');
      const [{ longestGapMs }] = await told;
      levels.push({ ...result, longestGapMs });
    }
    return levels;
  } finally {
    await server.stop();
  }
}

/** One streamed request, read to its end. */
function ask(url: string, workload: Workload, asked: Asked): Promise<Answered> {
  return streamed(url + asked.path, { model: workload.name, max_tokens: workload.maxTokens, ...asked.body });
}
