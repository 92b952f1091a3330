/** A process of its own: the same requests with and without speculative decoding, in turn, by text that repeats and that does not. */
import { compileCheckpoint } from '../../inference/compile/compile.ts';
import { Engine } from '../../inference/engine/engine.ts';
import type { EngineRequest } from '../../inference/engine/request.ts';
import { createSessionRunner } from '../../inference/engine/session-runner.ts';
import type { SamplingParams } from '../../inference/types.ts';
import { SeededRandom } from '../tools/random.ts';
import type { Plan } from './plan.ts';
import { llama135m } from './random-llama.ts';
import type { SpeculationComparison } from './results.ts';
import { median } from './statistics.ts';
import { cacheFolder, workloads } from './workloads.ts';

const { speculation, threads } = JSON.parse(process.argv[2] ?? '') as Plan;
const promptTokens = 32;

/** Sampled evenly among a few tokens, whose order is random. */
const among = (count: number): SamplingParams => ({
  temperature: 1,
  topP: 1,
  topK: count,
  logitBias: new Map(Array.from({ length: count }, (_, i) => [1000 + i, 100])),
});

const texts: readonly { readonly name: string; readonly sampling: SamplingParams }[] = [
  { name: 'repeats itself', sampling: { temperature: 0, topP: 1, topK: 0 } },
  { name: 'two words at random', sampling: among(2) },
  { name: 'ten words at random', sampling: among(10) },
  { name: 'never repeats', sampling: { temperature: 1, topP: 1, topK: 0 } },
];

async function measure(): Promise<SpeculationComparison[]> {
  const checkpoint = workloads[0]?.checkpoint ?? '';
  const compiled = await compileCheckpoint(checkpoint, { quantization: 'int4', cacheDir: cacheFolder() });
  const slots = Math.max(...speculation.clients);
  const runner = await createSessionRunner(compiled, { slots, maxModelLen: 1024, threads, rowsPerSlot: 8 });
  const engineOf = (isOn: boolean) =>
    new Engine({
      runner,
      decode: (ids) => ids.map((id) => ` w${id}`).join(''),
      vocabulary: { tokenOf: (id) => ` w${id}`, bytesOf: () => null },
      eosTokenIds: [0],
      maxQueue: slots,
      imageCacheBytes: 0,
      // Both write to the same cache, each thinking that it is alone.
      prefixCache: false,
      speculation: isOn,
    });
  const engines = { off: engineOf(false), on: engineOf(true) };
  let seed = 0;
  const block = async (engine: Engine, clients: number, sampling: SamplingParams, first: number) => {
    const start = performance.now();
    const requests = Array.from({ length: clients }, (_, client) => request(first + client, sampling));
    await Promise.all(requests.map((each) => drain(engine, each)));
    return (clients * speculation.tokens) / ((performance.now() - start) / 1000);
  };
  const results: SpeculationComparison[] = [];
  try {
    for (const { name, sampling } of texts) {
      for (const clients of speculation.clients) {
        const off: number[] = [];
        const on: number[] = [];
        await block(engines.off, clients, sampling, seed);
        await block(engines.on, clients, sampling, seed);
        const before = engines.on.stats();
        for (let i = 0; i < speculation.blocks; i++) {
          seed += clients;
          // Who is first takes turns: the machine is not the same from second to second.
          const turns = i % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const);
          for (const turn of turns) (turn === 'on' ? on : off).push(await block(engines[turn], clients, sampling, seed));
        }
        const after = engines.on.stats();
        const gains = on.map((rate, i) => rate / (off[i] ?? Number.NaN));
        results.push({
          text: name,
          clients,
          off: median(off),
          on: median(on),
          gain: median(gains),
          leastGain: Math.min(...gains),
          mostGain: Math.max(...gains),
          draftTokens: after.draftTokens - before.draftTokens,
          acceptedTokens: after.acceptedTokens - before.acceptedTokens,
        });
      }
    }
    return results;
  } finally {
    await engines.off.close();
    await engines.on.close();
    await runner.close();
  }
}

function request(number: number, sampling: SamplingParams): EngineRequest {
  const random = new SeededRandom(number + 1);
  return {
    ids: Array.from({ length: promptTokens }, () => random.whole(10, llama135m.vocab - 1)),
    images: [],
    n: 1,
    sampling: { ...sampling, seed: number },
    stopping: { maxTokens: speculation.tokens, stop: [], stopTokenIds: [], ignoreEos: true },
  };
}

async function drain(engine: Engine, asked: EngineRequest): Promise<void> {
  for await (const event of engine.submit(asked, new AbortController().signal)) if (event.type === 'done') return;
}

const results = await measure();
process.send?.(results);
process.disconnect();
