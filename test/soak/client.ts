/** Sends one request and keeps of the answer what must not depend on what else the server does. */
import type { Request } from './requests.ts';

interface Call {
  readonly index?: number;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface Choice {
  readonly index: number;
  readonly text?: string;
  readonly message?: { readonly content?: string | null; readonly tool_calls?: readonly Call[] };
  readonly delta?: { readonly content?: string | null; readonly tool_calls?: readonly Call[] };
  readonly logprobs?: unknown;
  readonly finish_reason?: string | null;
}

interface Body {
  readonly choices?: readonly Choice[];
  readonly error?: { readonly message: string };
}

interface Said {
  text: string;
  calls: string[];
  logprobs: unknown[];
  finish: string | null;
}

/**
 * @returns texts, calls, log probabilities and finish reasons of all choices as JSON; null when `signal` ended it
 * @throws Error when the server refuses or fails
 */
export async function ask(url: string, model: string, request: Request, signal?: AbortSignal): Promise<string | null> {
  try {
    const response = await fetch(url + request.path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, ...request.body }),
      ...(signal === undefined ? {} : { signal }),
    });
    const bodies = bodiesOf(await response.text());
    const error = bodies.find((body) => body.error !== undefined)?.error;
    if (!response.ok || error !== undefined) throw new Error(`HTTP ${response.status}: ${error?.message ?? 'no message'}`);
    return JSON.stringify([...joined(bodies)].sort(([a], [b]) => a - b));
  } catch (cause) {
    if (signal?.aborted) return null;
    throw new Error(request.kind, { cause });
  }
}

function bodiesOf(text: string): Body[] {
  if (text.startsWith('{')) return [JSON.parse(text) as Body];
  const data = text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
  if (data.pop() !== '[DONE]') throw new Error('The stream did not end with [DONE].');
  return data.map((line) => JSON.parse(line) as Body);
}

function joined(bodies: readonly Body[]): Map<number, Said> {
  const said = new Map<number, Said>();
  for (const choice of bodies.flatMap((body) => body.choices ?? [])) {
    const known = said.get(choice.index) ?? { text: '', calls: [], logprobs: [], finish: null };
    said.set(choice.index, known);
    const part = choice.message ?? choice.delta;
    known.text += choice.text ?? part?.content ?? '';
    for (const [at, call] of (part?.tool_calls ?? []).entries()) {
      const index = call.index ?? at;
      known.calls[index] = `${known.calls[index] ?? ''}${call.function?.name ?? ''}${call.function?.arguments ?? ''}`;
    }
    if (choice.logprobs) known.logprobs.push(choice.logprobs);
    known.finish = choice.finish_reason ?? known.finish;
  }
  return said;
}
