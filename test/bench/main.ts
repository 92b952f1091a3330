/** `npm run bench`: how fast the engine is, alone and over HTTP, and beside `session.run`; every measurement in a process of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { nodeFlags } from '../tools/node-flags.ts';
import { type ContextResult, contextTable } from './context.ts';
import { measureHttp, profileHttp } from './http-load.ts';
import { comparePeers } from './peers/compare.ts';
import { planOf } from './plan.ts';
import { type PhaseProfile, phaseTable, type RunProfile, runTable } from './profile.ts';
import { report } from './report.ts';
import type { BenchResult, LibraryResult, SpeculationComparison, StepComparison, WorkloadResult } from './results.ts';
import { workloads } from './workloads.ts';

const help = `npm run bench -- [options]
  --quick          fewer requests and blocks: a smoke test, not a measurement
  --only NAMES     comma-separated parts: ${workloads.map(({ name }) => name).join(', ')}, steps, context,
                   speculation; profile, only by its name: where the time goes, by operator and by phase
  --no-http        leave out the measurements over HTTP
  --threads N      threads of the runtime (default: one for each processor)
  --json           print JSON instead of tables
  --peers          beside other servers instead; npm run bench -- --peers --help tells more`;

const beside = '--peers';
const args = process.argv.slice(2);

const { values: options } = parseArgs({
  args: args.includes(beside) ? [] : args,
  allowNegative: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    http: { type: 'boolean', default: true },
    threads: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Runs a probe and resolves to the one message it sends. @throws Error when it ends without */
async function probe<Result>(file: string, args: readonly string[]): Promise<Result> {
  const child = fork(new URL(file, import.meta.url), args, {
    execArgv: nodeFlags(),
    // One of them loads the runtime by itself.
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  const ended = once(child, 'exit');
  const told = once(child, 'message') as Promise<[Result]>;
  const failed = ended.then(([code]) => {
    throw new Error(`${file} ended with code ${code} before it had measured.`);
  });
  const [result] = await Promise.race([told, failed]);
  failed.catch(() => undefined); // its exit after the message is as it should be
  await ended;
  return result;
}

async function main(): Promise<void> {
  if (args.includes(beside)) return comparePeers(args.filter((arg) => arg !== beside));
  if (options.help) return console.log(help);
  const plan = planOf(options.quick, Number(options.threads));
  const wanted = (name: string) => options.only === undefined || options.only.split(',').includes(name);
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const measured: WorkloadResult[] = [];
  // Each part is printed when it is measured: a run takes minutes, and may be cut short.
  const show = (part: BenchResult) => {
    if (!options.json) console.log(`${report(part)}\n`);
  };
  for (const workload of workloads.filter(({ name }) => wanted(name))) {
    await workload.prepare();
    progress(`${workload.name}: as a library …`);
    const library = await probe<LibraryResult>('./library-probe.js', [workload.name, JSON.stringify(plan)]);
    if (options.http) progress(`${workload.name}: over HTTP …`);
    const http = options.http ? await measureHttp(workload, plan) : [];
    const result = { name: workload.name, describes: workload.describes, library, http };
    measured.push(result);
    show({ workloads: [result], steps: [], speculation: [] });
  }
  let steps: StepComparison[] = [];
  if (wanted('steps')) {
    await workloads[0]?.prepare();
    progress('steps: engine and session.run in turn …');
    steps = await probe<StepComparison[]>('./step-probe.js', [JSON.stringify(plan)]);
  }
  if (steps.length > 0) show({ workloads: [], steps, speculation: [] });
  let context: ContextResult | null = null;
  if (wanted('context')) {
    await workloads[0]?.prepare();
    progress('context: decode steps after short and long ones …');
    context = await probe<ContextResult>('./context-probe.js', [JSON.stringify(plan)]);
  }
  if (context !== null && !options.json) console.log(`${contextTable(context)}\n`);
  let speculation: SpeculationComparison[] = [];
  if (wanted('speculation')) {
    await workloads[0]?.prepare();
    progress('speculation: off and on in turn …');
    speculation = await probe<SpeculationComparison[]>('./speculation-probe.js', [JSON.stringify(plan)]);
  }
  if (speculation.length > 0) show({ workloads: [], steps: [], speculation });
  const runs: RunProfile[] = [];
  const threads: PhaseProfile[] = [];
  if (options.only !== undefined && wanted('profile')) {
    progress('profile: operators …');
    for (const workload of workloads) await workload.prepare();
    runs.push(...(await probe<RunProfile[]>('./profile-probe.js', [JSON.stringify(plan)])));
    if (!options.json) console.log(`${runs.map(runTable).join('\n\n')}\n`);
    for (const workload of options.http ? workloads : []) {
      progress(`profile: the server's thread, ${workload.name} …`);
      const profile = await profileHttp(workload, plan);
      threads.push(profile);
      if (!options.json) console.log(`${phaseTable(profile)}\n`);
    }
  }
  if (options.json) console.log(JSON.stringify({ workloads: measured, steps, context, speculation, runs, threads }, null, 2));
}

await main();
