/** Starts engines over the arithmetic runner, and reads what they say. */
import { Engine } from '../../../inference/engine/engine.ts';
import type { EngineOptions } from '../../../inference/engine/options.ts';
import type { PromptImage } from '../../../inference/engine/prompt.ts';
import type { EngineEvent, EngineRequest } from '../../../inference/engine/request.ts';
import { ArithmeticRunner, type ArithmeticRunnerOptions, decode, EOS, IMAGE, vision } from './arithmetic-runner.ts';

export interface Setup extends ArithmeticRunnerOptions, Partial<Omit<EngineOptions, 'runner' | 'decode' | 'vocabulary' | 'eosTokenIds'>> {}

export function start(t: { teardown: (handler: () => Promise<void>) => void }, setup: Setup = {}) {
  const runner = new ArithmeticRunner(setup);
  const engine = new Engine({
    maxQueue: 100,
    imageCacheBytes: 1 << 20,
    ...setup,
    runner,
    decode,
    vocabulary: { tokenOf: (id) => `token ${id}`, bytesOf: (id) => (id === EOS ? null : Buffer.from(decode([id]))) },
    eosTokenIds: [EOS],
  });
  t.teardown(() => engine.close());
  return { runner, engine };
}

export function ask(ids: readonly number[], change: Partial<EngineRequest> = {}): EngineRequest {
  return {
    ids,
    images: [],
    n: 1,
    sampling: { temperature: 0, topP: 1, topK: 0 },
    stopping: { maxTokens: 20, stop: [], stopTokenIds: [] },
    ...change,
  };
}

export function image(seed: number, onPixels: () => void = () => {}): PromptImage {
  return {
    hash: `image-${seed}`,
    pixels: () => {
      onPixels();
      return Float32Array.from({ length: 3 * vision.imageHeight * vision.imageWidth }, (_, i) => seed * 100 + i);
    },
  };
}

/** Placeholders of one image. */
export const placeholders: readonly number[] = Array.from({ length: vision.tokensPerImage }, () => IMAGE);

/** Tokens that look random and are no special ones. */
export function words(length: number, seed = 1): number[] {
  return Array.from({ length }, (_, i) => 2 + ((seed * 7919 + i * (seed + 13)) % 60));
}

export interface Answer {
  readonly texts: string[];
  readonly reasons: string[];
  readonly tokens: number;
  readonly events: readonly EngineEvent[];
}

export async function read(stream: AsyncIterable<EngineEvent>): Promise<Answer> {
  const texts: string[] = [];
  const reasons: string[] = [];
  const events: EngineEvent[] = [];
  let tokens = 0;
  for await (const event of stream) {
    events.push(event);
    if (event.type === 'text') texts[event.choice] = (texts[event.choice] ?? '') + event.text;
    if (event.type === 'finish') reasons[event.choice] = event.reason;
    if (event.type === 'done') tokens = event.usage.completionTokens;
  }
  return { texts, reasons, tokens, events };
}

/** What a request gets from an engine of its own. */
export async function alone(request: EngineRequest, setup: Setup = {}): Promise<Answer> {
  const closers: (() => Promise<void>)[] = [];
  const { engine } = start({ teardown: (close) => closers.push(close) }, { ...setup, slots: Math.max(request.n, 1) });
  const answer = await read(engine.submit(request, new AbortController().signal));
  for (const close of closers) await close();
  return answer;
}

export const never = (): AbortSignal => new AbortController().signal;
