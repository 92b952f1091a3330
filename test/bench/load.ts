/** A closed loop of clients: each asks again as soon as it has its answer. */
import { median, percentile } from './statistics.ts';

/** One request as a client sees it. */
export interface Answered {
  /** Generated tokens. */
  readonly tokens: number;
  /** From asking to the first text, milliseconds. */
  readonly firstTokenMs: number;
  /** Between one piece of text and the next, milliseconds. */
  readonly gapsMs: readonly number[];
}

export interface Load {
  readonly clients: number;
  readonly requests: number;
  readonly tokens: number;
  readonly wallMs: number;
  readonly tokensPerSecond: number;
  readonly requestsPerSecond: number;
  readonly firstTokenMs: { readonly median: number; readonly p95: number };
  /** Between one piece of text and the next, over all requests. */
  readonly gapMs: { readonly median: number; readonly p99: number };
}

/**
 * Runs `clients` loops until `requests` are answered.
 * @param ask is given the number of the request, counted over all clients; a conversation is several answers
 */
export async function closedLoop(
  clients: number,
  requests: number,
  ask: (request: number) => Promise<Answered | readonly Answered[]>,
): Promise<Load> {
  const answers: Answered[] = [];
  let next = 0;
  const start = performance.now();
  const client = async () => {
    while (next < requests) answers.push(...[await ask(next++)].flat());
  };
  await Promise.all(Array.from({ length: clients }, client));
  const wallMs = performance.now() - start;
  const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
  const gaps = answers.flatMap(({ gapsMs }) => gapsMs);
  const waits = answers.map(({ firstTokenMs }) => firstTokenMs);
  return {
    clients,
    requests,
    tokens,
    wallMs,
    tokensPerSecond: (1000 * tokens) / wallMs,
    requestsPerSecond: (1000 * requests) / wallMs,
    firstTokenMs: { median: median(waits), p95: percentile(waits, 0.95) },
    gapMs: { median: median(gaps), p99: percentile(gaps, 0.99) },
  };
}
