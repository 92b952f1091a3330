/** A process of its own: loads one workload's model as a library, drives it with clients, and tells its parent what it measured. */
import { createEmbeddedBackend } from '../../inference/index.ts';
import type { Backend, Prompt } from '../../inference/types.ts';
import { gapsOf } from './client.ts';
import { type Answered, closedLoop } from './load.ts';
import { LoopGap } from './loop-gap.ts';
import { type Plan, slots } from './plan.ts';
import type { LibraryLevel, LibraryResult, PrefillResult } from './results.ts';
import { median } from './statistics.ts';
import { cacheFolder, ofTokens, type Workload, workloads } from './workloads.ts';

const [name = '', planText = ''] = process.argv.slice(2);
const plan = JSON.parse(planText) as Plan;

async function generate(backend: Backend, prompt: Prompt, maxTokens: number): Promise<Answered> {
  const start = performance.now();
  const arrivals: number[] = [];
  let tokens = 0;
  const request = {
    model: name,
    prompt,
    n: 1,
    sampling: { temperature: 0, topP: 1, topK: 0 },
    stopping: { maxTokens, stop: [], stopTokenIds: [] },
    requestId: 'bench',
  };
  for await (const event of backend.generate(request, new AbortController().signal)) {
    if (event.type === 'text') arrivals.push(performance.now());
    if (event.type === 'finish') tokens += event.completionTokens;
  }
  return { tokens, firstTokenMs: (arrivals[0] ?? Number.NaN) - start, gapsMs: gapsOf(arrivals) };
}

async function measure(workload: Workload): Promise<LibraryResult> {
  const loading = performance.now();
  const backend = createEmbeddedBackend({
    checkpoint: workload.checkpoint,
    servedNames: [workload.name],
    quantization: workload.quantization,
    maxModelLen: workload.maxModelLen,
    maxNumSeqs: slots,
    maxQueue: 256,
    threads: plan.threads,
    cacheDir: cacheFolder(),
    version: 'bench',
    log: { info: () => undefined },
  });
  const gap = new LoopGap();
  let number = 0;
  const prompts = (count: number) => Promise.all(Array.from({ length: count }, async () => (await workload.ask(number++)).prompt));
  const load = (clients: number, asked: readonly Prompt[]) =>
    closedLoop(clients, asked.length, (i) => generate(backend, asked[i] as Prompt, workload.maxTokens));
  try {
    await backend.ready();
    const loadMs = performance.now() - loading;
    await load(slots, await prompts(slots)); // warm: threads, bindings, compiled JavaScript
    const prefill = workload.prefillTokens === null ? null : await measurePrefill(backend, workload.prefillTokens);
    const levels: LibraryLevel[] = [];
    for (const { clients, requests } of plan.levels) {
      const asked = await prompts(requests); // The load is what is measured, not making it.
      gap.start();
      const before = backend.stats().runtimeMs;
      const result = await load(clients, asked);
      const runtimeMs = backend.stats().runtimeMs - before;
      levels.push({ ...result, runtimeMs, longestGapMs: gap.longest() });
    }
    return { loadMs, prefill, levels };
  } finally {
    gap.stop();
    await backend.close();
  }
}

async function measurePrefill(backend: Backend, length: number): Promise<PrefillResult> {
  const times: number[] = [];
  for (let i = 0; i < plan.prefills; i++) {
    const { prompt } = ofTokens(1_000_000 + i, length);
    const { firstTokenMs } = await generate(backend, prompt, 1);
    times.push(firstTokenMs);
  }
  return { promptTokens: length, milliseconds: median(times), tokensPerSecond: (1000 * length) / median(times) };
}

const workload = workloads.find((candidate) => candidate.name === name);
if (workload === undefined) throw new Error(`No workload is called ${name}.`);
const result = await measure(workload);
process.send?.(result);
process.disconnect();
