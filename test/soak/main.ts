/** `npm run soak`: a mixed load for minutes; every answer must equal the one given alone, and memory must stay flat. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median } from '../bench/statistics.ts';
import { firstModel } from '../eval/client.ts';
import { SeededRandom } from '../tools/random.ts';
import { startServer } from '../tools/server.ts';
import { ask } from './client.ts';
import { type Request, requests } from './requests.ts';

const help = `npm run soak -- [options]
  --minutes N   how long the load lasts (default 10), a quarter at least
  --clients N   requests in flight (default 12)
  --rounds N    different requests of each kind (default 4)
  --only TEXT   kinds of requests whose names contain this (default all)
  --seed N      seed of the requests and of who hangs up (default 1)
Settings of the server are taken from the environment (MAX_NUM_SEQS, MODEL, ...). Reads memory from /proc: Linux only.
Exit code 1 when an answer differs, a request fails or memory grows.`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

/** Share of requests whose client leaves before the answer is there. */
const leavers = 0.2;
/** Memory of the last quarter of the run against the second quarter: more is growth, less is noise. */
const allowedGrowth = 1.03;

interface Counts {
  same: number;
  left: number;
  readonly wrong: string[];
}

/** Shared pages by their share: the cache may show one page at several addresses, and the resident size counts it at each. */
async function proportionalBytes(pid: number): Promise<number> {
  const [, kib] = /^Pss:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** Asks at random until `until` (ms on the performance clock); some hang up. */
async function client(
  ask1: (request: Request, signal: AbortSignal) => Promise<string | null>,
  expected: Map<Request, string>,
  random: SeededRandom,
  until: number,
  counts: Counts,
) {
  const all = [...expected.keys()];
  while (performance.now() < until) {
    const request = random.pick(all);
    const signal = random.chance(leavers) ? AbortSignal.timeout(random.whole(1, 400)) : new AbortController().signal;
    try {
      const said = await ask1(request, signal);
      if (said === null) counts.left++;
      else if (said === expected.get(request)) counts.same++;
      else counts.wrong.push(`${request.kind}: ${said} instead of ${expected.get(request)}`);
    } catch (error) {
      counts.wrong.push(`${(error as Error).message}: ${String((error as Error).cause)}`);
    }
  }
}

async function main(): Promise<void> {
  if (options.help) return console.log(help);
  const server = await startServer();
  try {
    const model = await firstModel(server.url);
    const expected = new Map<Request, string>();
    for (const request of await requests(Number(options.seed), Number(options.rounds))) {
      if (!request.kind.includes(options.only)) continue;
      expected.set(request, (await ask(server.url, model, request)) ?? '');
    }
    console.log(`${expected.size} different requests asked alone.`);
    const counts: Counts = { same: 0, left: 0, wrong: [] };
    const started = performance.now();
    const until = started + Number(options.minutes) * 60_000;
    const load = Promise.all(
      Array.from({ length: Number(options.clients) }, (_, i) =>
        client(
          (request, signal) => ask(server.url, model, request, signal),
          expected,
          new SeededRandom(Number(options.seed) * 1009 + i),
          until,
          counts,
        ),
      ),
    );
    const memory: number[] = [];
    while (performance.now() < until) {
      await delay(Math.min(2000, until - performance.now()));
      memory.push(await proportionalBytes(server.child.pid ?? 0));
      if (memory.length % 15 === 0) report(memory, counts, started);
    }
    await load;
    report(memory, counts, started);
    const quarter = Math.floor(memory.length / 4);
    const growth = median(memory.slice(-quarter)) / median(memory.slice(quarter, 2 * quarter));
    for (const line of counts.wrong.slice(0, 10)) console.log(`  ${line.slice(0, 600)}`);
    console.log(
      `${counts.same} answers as alone, ${counts.left} left, ${counts.wrong.length} wrong; memory of the last quarter ${growth.toFixed(3)} of the second's.`,
    );
    if (counts.wrong.length > 0 || !(growth <= allowedGrowth)) process.exitCode = 1;
  } finally {
    await server.stop();
  }
}

function report(memory: readonly number[], { same, left, wrong }: Counts, started: number): void {
  const mib = ((memory.at(-1) ?? 0) / 2 ** 20).toFixed(0);
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s: ${same} as alone, ${left} left, ${wrong.length} wrong, ${mib} MiB`);
}

await main();
