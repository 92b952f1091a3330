/** A process of its own: the same compiled decoder, step by step, through the engine's runner and through onnxruntime-node's `session.run`. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { compileCheckpoint } from '../../inference/compile/compile.ts';
import { createSessionRunner } from '../../inference/engine/session-runner.ts';
import { type CompiledModel, graphNames } from '../../inference/models/spec.ts';
import type { Plan } from './plan.ts';
import type { StepComparison } from './results.ts';
import { median } from './statistics.ts';
import { cacheFolder, workloads } from './workloads.ts';

/** Tokens in the cache before the first step of a block, and room for more. */
const context = 64;
const capacity = 256;

const { comparison, threads } = JSON.parse(process.argv[2] ?? '') as Plan;

/** Takes `steps` decode steps of a batch and resolves to the milliseconds that one took. */
type Block = (batch: number, steps: number) => Promise<number>;

async function engineBlock(compiled: CompiledModel): Promise<{ block: Block; close(): Promise<void> }> {
  const runner = await createSessionRunner(compiled, { slots: Math.max(...comparison.batches), maxModelLen: capacity, threads });
  const block: Block = async (batch, steps) => {
    const ids = new Int32Array(batch).fill(100);
    const start = performance.now();
    for (let step = 0; step < steps; step++) {
      await runner.decode({ firstSlot: 0, ids, lengths: new Int32Array(batch).fill(context + step) });
    }
    return (performance.now() - start) / steps;
  };
  return { block, close: () => runner.close() };
}

/** Feeds the cache as `past`, fetches it as `present`, and feeds that again: what the JavaScript API offers. */
async function sessionRunBlock(compiled: CompiledModel): Promise<{ block: Block; close(): Promise<void> }> {
  const { layers, kvHeads, headDim } = compiled.spec.decoder;
  const session = await InferenceSession.create(compiled.decoderPath, { intraOpNumThreads: threads, graphOptimizationLevel: 'all' });
  const names = Array.from({ length: layers }, (_, layer) => [
    [graphNames.pastKey(layer), graphNames.presentKey(layer)] as const,
    [graphNames.pastValue(layer), graphNames.presentValue(layer)] as const,
  ]).flat();
  const block: Block = async (batch, steps) => {
    const shape = [batch, kvHeads, capacity, headDim];
    const size = shape.reduce((product, side) => product * side, 1);
    const whole = (values: number[]) => BigInt64Array.from(values, BigInt);
    const feeds: Record<string, Tensor> = {
      [graphNames.inputIds]: new Tensor('int64', whole(new Array<number>(batch).fill(100)), [batch, 1]),
      [graphNames.logitRows]: new Tensor('int64', whole(Array.from({ length: batch }, (_, row) => row)), [batch]),
    };
    for (const [past] of names) feeds[past] = new Tensor('float32', new Float32Array(size), shape);
    const start = performance.now();
    for (let step = 0; step < steps; step++) {
      const length = context + step;
      feeds[graphNames.seqlensK] = new Tensor('int32', new Int32Array(batch).fill(length), [batch]);
      feeds[graphNames.totalSequenceLength] = new Tensor('int32', Int32Array.of(length + 1), []);
      const results = await session.run(feeds);
      for (const [past, present] of names) feeds[past] = results[present] as Tensor;
    }
    return (performance.now() - start) / steps;
  };
  return { block, close: () => session.release() };
}

async function measure(): Promise<StepComparison[]> {
  const [workload] = workloads;
  if (workload === undefined) throw new Error('There is no workload.');
  const compiled = await compileCheckpoint(workload.checkpoint, { quantization: 'int4', cacheDir: cacheFolder() });
  const engine = await engineBlock(compiled);
  const sessionRun = await sessionRunBlock(compiled);
  const compared: StepComparison[] = [];
  for (const batch of comparison.batches) {
    const times = { engine: [] as number[], sessionRun: [] as number[] };
    await engine.block(batch, 2);
    await sessionRun.block(batch, 2);
    for (let i = 0; i < comparison.blocks; i++) {
      times.engine.push(await engine.block(batch, comparison.steps));
      times.sessionRun.push(await sessionRun.block(batch, comparison.steps));
    }
    compared.push({ batch, engine: median(times.engine), sessionRun: median(times.sessionRun) });
  }
  await sessionRun.close();
  await engine.close();
  return compared;
}

process.send?.(await measure());
process.disconnect();
