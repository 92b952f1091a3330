/** Measures servers in turn (one, the next, …, the first again): what changes on the machine meanwhile meets all of them alike. */

import { Agent, type Dispatcher } from 'undici';
import { type Streamed, streamed } from '../client.ts';
import { closedLoop, type Load } from '../load.ts';
import type { Peer } from './peer.ts';
import type { Measurement, RecordFile } from './record.ts';
import type { PeerServer } from './server.ts';
import type { Task } from './tasks.ts';

/** A server that runs. */
export interface Side {
  readonly peer: Peer;
  readonly server: PeerServer;
}

export interface Level {
  readonly task: Task;
  readonly clients: number;
  readonly repeats: number;
}

/**
 * Adds to the record what is missing there of `repeats` rounds; a first round warms up and is not recorded.
 * @param timeLeft whether another round may begin
 * @throws Error when a server does not give as many tokens as it is asked for
 */
export async function measureLevel(sides: readonly Side[], level: Level, record: RecordFile, timeLeft: () => boolean): Promise<void> {
  const { task, clients, repeats } = level;
  const beside = sides.map(({ peer }) => peer.name);
  if (record.rounds(task.name, clients, beside) >= repeats) return;
  let number = firstNumber(record);
  for (let warm = false; record.rounds(task.name, clients, beside) < repeats && timeLeft(); warm = true) {
    const round: Measurement[] = [];
    const first = number;
    for (const side of sides) {
      side.server.resume();
      const measured = await load(side, level, first);
      side.server.pause();
      round.push({ ...measured, beside });
    }
    number = first + task.requests(clients);
    if (warm) await record.add(round);
  }
}

/** Prompts of another sitting are other ones, so that no cache of a server answers. */
function firstNumber(record: RecordFile): number {
  return 1000 * (record.measurements.length + 1);
}

async function load({ peer, server }: Side, { task, clients }: Level, first: number): Promise<Omit<Measurement, 'beside'>> {
  let promptTokens = 0;
  const requests = task.requests(clients);
  // A server that was held still closes connections that seem idle to it, so each load has its own.
  const agent = new Agent();
  try {
    const result = await closedLoop(clients, requests, async (request) => {
      const answers = await conversation(peer, server, task, first + request, agent);
      promptTokens += answers.reduce((sum, answer) => sum + (answer.promptTokens ?? 0), 0);
      return answers;
    });
    return measurement(peer, task, result, promptTokens);
  } finally {
    await agent.close();
  }
}

function measurement(peer: Peer, task: Task, result: Load, promptTokens: number): Omit<Measurement, 'beside'> {
  return {
    task: task.name,
    clients: result.clients,
    server: peer.name,
    tokens: result.tokens,
    promptTokens,
    tokensPerSecond: result.tokensPerSecond,
    firstTokenMs: result.firstTokenMs.median,
    firstTokenP95Ms: result.firstTokenMs.p95,
    gapMs: result.gapMs.median,
    gapP99Ms: result.gapMs.p99,
    startMs: null,
  };
}

/** Each turn with all that was said before. */
export async function conversation(
  peer: Peer,
  server: PeerServer,
  task: Task,
  number: number,
  dispatcher?: Dispatcher,
): Promise<Streamed[]> {
  const messages = task.system === null ? [] : [{ role: 'system', content: task.system }];
  const answers: Streamed[] = [];
  for (const content of task.turns(number)) {
    messages.push({ role: 'user', content });
    const body = { model: server.model, messages, ...peer.length(task.answer) };
    const answer = await streamed(`${server.url}/v1/chat/completions`, body, dispatcher);
    if (answer.tokens !== task.answer) throw new Error(`${peer.name} gave ${answer.tokens} tokens instead of ${task.answer}.`);
    messages.push({ role: 'assistant', content: answer.text });
    answers.push(answer);
  }
  return answers;
}
