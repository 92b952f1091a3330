/** A streamed request to an OpenAI-compatible server, timed as its client sees it. */
import { type Dispatcher, fetch } from 'undici';
import type { Answered } from './load.ts';

export interface Streamed extends Answered {
  readonly text: string;
  /** As the server counts them, or null if it does not tell. */
  readonly promptTokens: number | null;
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

interface Chunk {
  readonly choices?: readonly { readonly text?: string; readonly delta?: { readonly content?: string | null } }[];
  readonly usage?: Usage | null;
  readonly error?: { readonly message: string };
}

/**
 * Asks and reads to the end. Tokens are those of the server's `usage`; a server that tells none is counted by its pieces of text.
 * @param dispatcher keeps the connections; that of the process when absent
 * @throws Error when the server refuses, or fails in the middle
 */
export async function streamed(url: string, body: Readonly<Record<string, unknown>>, dispatcher?: Dispatcher): Promise<Streamed> {
  const start = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ temperature: 0, stream: true, stream_options: { include_usage: true }, ...body }),
    ...(dispatcher !== undefined && { dispatcher }),
  });
  if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  const arrivals: number[] = [];
  let text = '';
  let usage: Usage | null = null;
  for await (const chunk of chunks(response.body)) {
    if (chunk.error !== undefined) throw new Error(chunk.error.message);
    const [choice] = chunk.choices ?? [];
    const piece = choice?.text ?? choice?.delta?.content ?? '';
    if (piece !== '') arrivals.push(performance.now());
    text += piece;
    usage = chunk.usage ?? usage;
  }
  return {
    tokens: usage?.completion_tokens ?? arrivals.length,
    promptTokens: usage?.prompt_tokens ?? null,
    text,
    firstTokenMs: (arrivals[0] ?? Number.NaN) - start,
    gapsMs: gapsOf(arrivals),
  };
}

/** Times between neighbours. */
export function gapsOf(arrivals: readonly number[]): number[] {
  return arrivals.slice(1).map((time, i) => time - (arrivals[i] ?? time));
}

async function* chunks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Chunk> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of body) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const data = line.startsWith('data:') ? line.slice(5).trim() : '';
      if (data !== '' && data !== '[DONE]') yield JSON.parse(data) as Chunk;
    }
  }
}
