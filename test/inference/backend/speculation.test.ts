/** Models answer the same, byte for byte, whether tokens are guessed or not, alone or in company that comes and goes. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Backend, createEmbeddedBackend, type GenerationRequest } from '../../../inference/index.ts';
import type { GenerationEvent, Prompt } from '../../../inference/types.ts';
import { packageRoot } from '../../../server/package-root.ts';
import { temporaryFolder } from '../references.ts';

const models = [
  { checkpoint: 'test/fixtures/checkpoints/text-llama', quantization: 'int4', pictures: false },
  { checkpoint: 'test/fixtures/checkpoints/gqa-tied', quantization: 'none', pictures: false },
  { checkpoint: 'inference/checkpoints/firellava-tiny', quantization: 'auto', pictures: true },
] as const;

function start(test: Test, model: (typeof models)[number], cacheDir: string, speculation: boolean): Promise<Backend> {
  const backend = createEmbeddedBackend({
    checkpoint: join(packageRoot, model.checkpoint),
    servedNames: ['model'],
    quantization: model.quantization,
    cacheDir,
    maxQueue: 40,
    threads: 2,
    maxNumSeqs: 5,
    speculation,
    version: '0',
    log: { info: () => {} },
  });
  test.teardown(() => backend.close());
  return backend.ready().then(() => backend);
}

function prompt(number: number, pictures: boolean): Prompt {
  const side = 40 + number;
  const image = { width: side, height: side, data: new Uint8Array(side * side * 3).fill(number * 20), hash: `picture ${number}` };
  const text = ['Describe the picture.', 'What is it? What is it? What is it?', 'Count from one to ten.'][number % 3] ?? '';
  if (!pictures)
    return { kind: 'tokens', ids: Array.from({ length: 5 + number * 3 }, (_, i) => 5 + ((i * (number + 1)) % 11)), images: [] };
  const content = [...(number % 2 === 0 ? [{ type: 'image', image } as const] : []), { type: 'text', text } as const];
  return { kind: 'chat', addGenerationPrompt: true, messages: [{ role: 'user', content }] };
}

function request(number: number, pictures: boolean): GenerationRequest {
  return {
    model: 'model',
    prompt: prompt(number, pictures),
    n: number % 5 === 4 ? 2 : 1,
    sampling: {
      temperature: number % 3 === 2 ? 0.7 : 0,
      topP: 0.9,
      topK: 0,
      seed: number,
      ...(number % 4 === 1 && { repetitionPenalty: 1.1, frequencyPenalty: 0.2 }),
    },
    stopping: { maxTokens: 20 + 7 * number, stop: number % 4 === 2 ? ['is a'] : [], stopTokenIds: [], ignoreEos: number % 3 !== 1 },
    ...(number % 2 === 1 && { output: { logprobs: 3 } }),
    requestId: 'test',
  };
}

/** All that was said but for the times, however it was cut into events. */
async function said(events: AsyncIterable<GenerationEvent>): Promise<unknown> {
  const text: string[] = [];
  const rest: unknown[] = [];
  for await (const event of events) {
    if (event.type === 'text') {
      text[event.choice] = (text[event.choice] ?? '') + event.text;
      rest.push([event.choice, event.tokenIds, event.logprobs]);
    } else if (event.type === 'finish') rest.push(event);
    else if (event.type === 'done') rest.push(event.usage.completionTokens);
  }
  return { text, rest: rest.map((each) => JSON.stringify(each)).sort() };
}

for (const model of models) {
  t.test(model.checkpoint, { skip: process.platform !== 'linux' && 'not done there' }, async (t) => {
    const cacheDir = await temporaryFolder(t);
    const off = await start(t, model, cacheDir, false);
    const on = await start(t, model, cacheDir, true);
    const never = new AbortController().signal;
    const requests = Array.from({ length: 11 }, (_, number) => request(number, model.pictures));
    const expected: unknown[] = [];
    for (const each of requests) expected.push(await said(off.generate(each, never)));
    for (const [i, each] of requests.entries()) t.same(await said(on.generate(each, never)), expected[i], `${i} alone`);
    const leaving = requests.map(async (each, i) => {
      let events = 0;
      for await (const _ of on.generate({ ...each, n: 1 }, never)) if (++events > 3 * i) break;
    });
    const together = await Promise.all(requests.map((each) => said(on.generate(each, never))));
    await Promise.all(leaving);
    for (const [i, each] of together.entries()) t.same(each, expected[i], `${i} in company`);
    const { draftTokens, acceptedTokens } = on.stats();
    t.ok(acceptedTokens > 0, `${acceptedTokens} of ${draftTokens} guesses were right`);
    t.match(off.stats(), { draftTokens: 0, acceptedTokens: 0 });
  });
}
