/** The same clients over HTTP, streamed, against a server in a process of its own. */
import { once } from 'node:events';
import { startServer } from '../tools/server.ts';
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
    return closedLoop(clients, requests, (i) => stream(server.url, workload, asked[i] as Asked));
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

interface Chunk {
  readonly choices?: readonly { readonly text?: string; readonly delta?: { readonly content?: string } }[];
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly error?: { readonly message: string };
}

/** One streamed request, read to its end. */
async function stream(url: string, workload: Workload, asked: Asked): Promise<Answered> {
  const start = performance.now();
  const common = {
    model: workload.name,
    temperature: 0,
    max_tokens: workload.maxTokens,
    stream: true,
    stream_options: { include_usage: true },
  };
  const response = await fetch(url + asked.path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...common, ...asked.body }),
  });
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  let firstTokenMs = Number.NaN;
  let tokens = 0;
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
      const chunk = JSON.parse(line.slice(6)) as Chunk;
      if (chunk.error !== undefined) throw new Error(chunk.error.message);
      const [choice] = chunk.choices ?? [];
      if (Number.isNaN(firstTokenMs) && (choice?.text || choice?.delta?.content)) firstTokenMs = performance.now() - start;
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
  }
  return { tokens, firstTokenMs };
}
