/** A process of its own: what holding the answers of a full batch to a grammar costs, beside the same batch left free. */
import { createEmbeddedBackend } from '../../inference/index.ts';
import type { GenerationRequest, GrammarSpec } from '../../inference/types.ts';
import { SeededRandom } from '../tools/random.ts';
import { LoopGap } from './loop-gap.ts';
import { median } from './statistics.ts';
import { cacheFolder, type Workload, workloads } from './workloads.ts';

const batch = 16;
/** Tokens of each answer; no grammar here comes to an end before. */
const maxTokens = 120;
const rounds = 9;

const text = { type: 'string', maxLength: 12 };
const record = {
  type: 'object',
  properties: { shape: text, colour: { enum: ['red', 'green', 'blue'] }, count: { type: 'integer', minimum: 0, maximum: 99 } },
  required: ['shape', 'colour', 'count'],
  additionalProperties: false,
};

/** By workload; the random model's vocabulary has no other texts than ` w1` to ` w49151`. */
const grammars: Readonly<Record<string, Readonly<Record<string, GrammarSpec>>>> = {
  'firellava-tiny': {
    'list of records': { kind: 'json_schema', schema: { type: 'array', minItems: 60, items: record } },
    'long string': { kind: 'json_schema', schema: { type: 'string', minLength: 2000 } },
    expression: { kind: 'regex', pattern: '([a-z]{1,8} ){200}' },
  },
  'llama-135m': {
    expression: { kind: 'regex', pattern: '( w[0-9]+[05]){200}' },
  },
};

interface Taken {
  /** Milliseconds of a decode step, and of the runtime in it. */
  readonly step: number;
  readonly runtime: number;
  readonly longestGap: number;
}

async function measure(workload: Workload, temperature: number): Promise<void> {
  await workload.prepare();
  const backend = createEmbeddedBackend({
    checkpoint: workload.checkpoint,
    servedNames: [workload.name],
    quantization: workload.quantization,
    maxModelLen: 256,
    maxNumSeqs: batch,
    maxQueue: 0,
    cacheDir: cacheFolder(),
    version: 'bench',
    log: { info: () => undefined },
  });
  const gap = new LoopGap();
  try {
    await backend.ready();
    const answer = async (row: number, spec: GrammarSpec | null) => {
      const random = new SeededRandom(row + 1);
      const request: GenerationRequest = {
        model: workload.name,
        prompt: { kind: 'tokens', ids: Array.from({ length: 24 }, () => random.whole(300, 1500)), images: [] },
        n: 1,
        sampling: { temperature, topP: 1, topK: 0, seed: row },
        stopping: { maxTokens, stop: [], stopTokenIds: [], ...(spec === null && { ignoreEos: true }) },
        requestId: 'bench',
        ...(spec !== null && { grammar: { spec, param: 'grammar' } }),
      };
      for await (const event of backend.generate(request, new AbortController().signal)) {
        if (event.type === 'finish' && event.completionTokens !== maxTokens)
          throw new Error(`An answer ended after ${event.completionTokens} tokens.`);
      }
    };
    const block = async (spec: GrammarSpec | null): Promise<Taken> => {
      const before = backend.stats();
      gap.start();
      const startedAt = performance.now();
      await Promise.all(Array.from({ length: batch }, (_, row) => answer(row, spec)));
      const wall = performance.now() - startedAt;
      const after = backend.stats();
      const steps = after.decodeSteps - before.decodeSteps;
      return { step: wall / steps, runtime: (after.runtimeMs - before.runtimeMs) / steps, longestGap: gap.longest() };
    };
    for (const [name, spec] of Object.entries(grammars[workload.name] ?? {})) {
      const free: Taken[] = [];
      const held: Taken[] = [];
      for (let round = -2; round < rounds; round++) {
        const taken = [await block(null), await block(spec)] as const;
        if (round < 0) continue;
        free.push(taken[0]);
        held.push(taken[1]);
      }
      const of = (side: readonly Taken[], what: keyof Taken) => median(side.map((taken) => taken[what]));
      const ratio = median(held.map(({ step }, round) => step / (free[round]?.step ?? Number.NaN)));
      const side = (taken: readonly Taken[]) => `${of(taken, 'step').toFixed(2)} ms a step (runtime ${of(taken, 'runtime').toFixed(2)})`;
      const gaps = `longest gap of the event loop ${of(free, 'longestGap').toFixed(1)} and ${of(held, 'longestGap').toFixed(1)} ms`;
      const overhead = `${(100 * (ratio - 1)).toFixed(1)} %`;
      process.stdout.write(
        `${workload.name}, temperature ${temperature}, ${name}: free ${side(free)}, held ${side(held)}, ${overhead} more; ${gaps}\n`,
      );
    }
  } finally {
    gap.stop();
    await backend.close();
  }
}

const [only] = process.argv.slice(2);
for (const workload of workloads) {
  if (only === undefined || workload.name === only) for (const temperature of [0, 1]) await measure(workload, temperature);
}
