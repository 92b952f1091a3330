/** Where the server's own thread spends its time, by phases of a request: samples of its stack, each given to the part of the program it was in. */
import { type Profiler, Session } from 'node:inspector/promises';

/** Phases by the files that do their work; of a stack, the innermost frame that belongs to one counts. */
const phases: readonly (readonly [phase: string, files: RegExp])[] = [
  ['collect garbage', /^\(garbage collector\)$/],
  ['read pictures', /\/(plugins\/images|inference\/vision)\/|\/engine\/image-cache\.|\/node_modules\/sharp\//],
  [
    'read requests',
    /\/(plugins\/(multipart|json-body)|routes)\b.*\/|\/node_modules\/(fastify|typebox|secure-json-parse|find-my-way|undici)\b/,
  ],
  [
    'make prompts',
    /\/inference\/text\/(chat-template|bpe|prompt|guard|time-limit|added-tokens|tool)|\/backend\/|\/node_modules\/@huggingface\//,
  ],
  ['schedule', /\/engine\/(scheduler|waiting-line|slots|placement|remnants|prompt-key|doorbell|retry-after)\./],
  ['bind and call', /\/inference\/runtime\/|\/engine\/(session-runner|decode-rows|prompt)\.|\/node_modules\/koffi\//],
  ['sample', /\/inference\/(sampling|grammar)\//],
  ['detokenise', /\/text\/(detokenizer|token-decoder|tokenizer)\.|\/engine\/continuation\./],
  [
    'send',
    /\/engine\/(event-stream|request)\.|\/plugins\/sse|\/mapping\b|^node:(net|http|_http|stream|internal\/(streams|stream_base))|_http_|\/node_modules\/pino/,
  ],
  ['engine', /\/inference\/engine\//],
];

/** Nothing to do on this thread: the runtime computes on others. */
const waiting = 'wait for the runtime';

export interface Phase {
  readonly name: string;
  /** Of the time that was sampled. */
  readonly share: number;
}

type Profile = Pick<Profiler.Profile, 'nodes' | 'samples' | 'timeDeltas'>;

/** @returns the phases that took any time, the longest first */
export function phasesOf({ nodes, samples = [], timeDeltas = [] }: Profile): Phase[] {
  const phaseOfNode = new Map<number, string>();
  const place = (id: number, outer: string): void => {
    const node = nodesById.get(id);
    if (node === undefined) return;
    const { functionName, url } = node.callFrame;
    const own = functionName === '(idle)' ? waiting : phases.find(([, files]) => files.test(url === '' ? functionName : url))?.[0];
    phaseOfNode.set(id, own ?? outer);
    for (const child of node.children ?? []) place(child, own ?? outer);
  };
  const nodesById = new Map(nodes.map((node) => [node.id, node]));
  const [root] = nodes;
  if (root !== undefined) place(root.id, 'everything else');
  const times = new Map<string, number>();
  samples.forEach((sample, i) => {
    const phase = phaseOfNode.get(sample) ?? 'everything else';
    times.set(phase, (times.get(phase) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0));
  });
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times].map(([name, time]) => ({ name, share: time / total })).sort((a, b) => b.share - a.share);
}

/** Samples the thread that it is made on. */
export class PhaseRecorder {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: 200 });
    await this.#session.post('Profiler.start');
  }

  async stop(): Promise<Phase[]> {
    const { profile } = await this.#session.post('Profiler.stop');
    this.#session.disconnect();
    return phasesOf(profile);
  }
}
