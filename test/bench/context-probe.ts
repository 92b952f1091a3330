/** A process of its own: decode steps of one sequence after short and long contexts, in turn, beside what the machine's memory can deliver. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compileCheckpoint } from '../../inference/compile/compile.ts';
import { createSessionRunner } from '../../inference/engine/session-runner.ts';
import { readBandwidth } from './bandwidth.ts';
import type { ContextResult, ContextStep } from './context.ts';
import type { Plan } from './plan.ts';
import { llama135m } from './random-llama.ts';
import { median } from './statistics.ts';
import { cacheFolder, workloads } from './workloads.ts';

const contexts = [64, 500, 4000] as const;
const capacity = 4096;
const float32Bytes = 4;

const { comparison, threads } = JSON.parse(process.argv[2] ?? '') as Plan;

async function measure(): Promise<ContextResult> {
  const [workload] = workloads;
  if (workload === undefined) throw new Error('There is no workload.');
  const compiled = await compileCheckpoint(workload.checkpoint, { quantization: 'int4', cacheDir: cacheFolder() });
  const { layers, kvHeads, headDim } = compiled.spec.decoder;
  const file = await stat(join(compiled.folder, 'decoder.weights'));
  // Of the embedding one row is read; all else in the file is read once a step, and so is the cache.
  const weightBytes = file.size - float32Bytes * llama135m.vocab * llama135m.hidden;
  const cacheBytes = (context: number) => 2 * layers * kvHeads * headDim * float32Bytes * context;
  const runner = await createSessionRunner(compiled, { slots: 1, maxModelLen: capacity, threads });
  const times = new Map(contexts.map((context) => [context, [] as number[]]));
  const bandwidths: number[] = [];
  for (let block = 0; block <= comparison.blocks; block++) {
    const bandwidth = await readBandwidth(threads, 3);
    if (block > 0) bandwidths.push(bandwidth);
    for (const [context, found] of times) {
      const start = performance.now();
      for (let step = 0; step < comparison.steps; step++) {
        await runner.decode({ firstSlot: 0, ids: Int32Array.of(100), lengths: Int32Array.of(context + step) });
      }
      if (block > 0) found.push((performance.now() - start) / comparison.steps);
    }
  }
  await runner.close();
  const bandwidth = median(bandwidths);
  const steps = [...times].map(([context, found]): ContextStep => {
    const milliseconds = median(found);
    const bytes = weightBytes + cacheBytes(context);
    return { context, milliseconds, bytes, share: (1000 * bytes) / milliseconds / bandwidth };
  });
  return { bandwidth, steps };
}

process.send?.(await measure());
process.disconnect();
