/** A process of its own: what each operator of a decoder takes, in the runs that the engine makes, with the cache in place. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileCheckpoint } from '../../inference/compile/compile.ts';
import { createSessionRunner } from '../../inference/engine/session-runner.ts';
import type { CompiledModel } from '../../inference/models/spec.ts';
import type { Plan } from './plan.ts';
import type { OperatorTime, RunProfile } from './profile.ts';
import { cacheFolder, workloads } from './workloads.ts';

interface Case {
  readonly describes: string;
  /** Sequences of a decode step, or 1 for a prompt. */
  readonly batch: number;
  /** Tokens in the cache before it. */
  readonly context: number;
  /** Tokens of each. */
  readonly tokens: number;
}

const cases: readonly Case[] = [
  { describes: 'a decode step of 1 sequence after 128 tokens', batch: 1, context: 128, tokens: 1 },
  { describes: 'a decode step of 16 sequences after 128 tokens', batch: 16, context: 128, tokens: 1 },
  { describes: 'a decode step of 1 sequence after 4000 tokens', batch: 1, context: 4000, tokens: 1 },
  { describes: 'a prompt of 128 tokens', batch: 1, context: 0, tokens: 128 },
];

/** Runs before those that are counted. */
const warmUp = 3;

const { comparison, threads } = JSON.parse(process.argv[2] ?? '') as Plan;

/** Of each tensor, by its type. */
type Shapes = readonly Readonly<Record<string, readonly number[]>>[];

/** An entry of the file that the runtime writes: `ts` and `dur` in microseconds. */
interface Entry {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: { readonly op_name?: string; readonly input_type_shape?: Shapes; readonly output_type_shape?: Shapes };
}

async function profile(compiled: CompiledModel, { describes, batch, context, tokens }: Case): Promise<RunProfile> {
  const folder = await mkdtemp(join(tmpdir(), 'profile-'));
  try {
    const capacity = context + tokens + 1;
    const runner = await createSessionRunner(compiled, { slots: batch, maxModelLen: capacity, threads, profile: join(folder, 'run') });
    const runs = warmUp + comparison.steps;
    for (let run = 0; run < runs; run++) {
      if (tokens === 1) {
        await runner.decode({ firstSlot: 0, ids: new Int32Array(batch).fill(100), lengths: new Int32Array(batch).fill(context) });
      } else {
        const ids = new Int32Array(tokens).fill(100);
        await runner.prefill({ slot: 0, start: 0, ids, imageIndex: null, imageFeatures: null, wantLogits: true });
      }
    }
    await runner.close();
    const [file = ''] = await readdir(folder);
    return { describes, operators: operatorTimes(JSON.parse(await readFile(join(folder, file), 'utf8')) as Entry[]) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function operatorTimes(entries: readonly Entry[]): OperatorTime[] {
  const counted = entries.filter(({ name }) => name === 'model_run').slice(warmUp);
  const from = counted[0]?.ts ?? 0;
  const times = new Map<string, number>();
  for (const { cat, name, ts, dur, args } of entries) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || ts < from) continue;
    const operator = nameOf(args);
    times.set(operator, (times.get(operator) ?? 0) + dur);
  }
  return [...times]
    .map(([name, time]) => ({ name, milliseconds: time / 1000 / counted.length }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

function nameOf({ op_name = 'unknown', input_type_shape, output_type_shape }: Entry['args']): string {
  if (!/MatMul|Gemm/.test(op_name)) return op_name;
  const shape = (of: Shapes | undefined) => Object.values(of?.[0] ?? {})[0] ?? [];
  return `${op_name} [${shape(input_type_shape).join(', ')}] → ${shape(output_type_shape).at(-1) ?? '?'}`;
}

async function measure(): Promise<RunProfile[]> {
  const [workload] = workloads;
  if (workload === undefined) throw new Error('There is no workload.');
  const compiled = await compileCheckpoint(workload.checkpoint, { quantization: 'int4', cacheDir: cacheFolder() });
  const profiles: RunProfile[] = [];
  for (const each of cases) profiles.push(await profile(compiled, each));
  return profiles;
}

process.send?.(await measure());
process.disconnect();
