/** A request of better priority takes slots of running ones, which are answered later, byte for byte as if they had been alone. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../server/package-root.ts';
import { startServer, type TestServer } from '../helper.ts';

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string }; readonly finish_reason: string | null }[];
  readonly usage?: unknown;
}

interface Stream {
  /** What was sent, but for what differs from answer to answer: ids and times. */
  readonly choices: Chunk['choices'][number][];
  readonly done: Promise<void>;
}

/** Starts a streamed answer; its chunks are collected as they come. */
function open({ origin, model }: TestServer, body: object): Stream {
  const choices: Chunk['choices'][number][] = [];
  const receive = async () => {
    const response = await fetch(`${origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream: true, ...body }),
    });
    if (response.status !== 200) throw new Error(await response.text());
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of response.body ?? []) {
      const frames = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        if (frame.startsWith('data: {')) choices.push(...(JSON.parse(frame.slice('data: '.length)) as Chunk).choices);
      }
    }
  };
  return { choices, done: receive() };
}

async function answer(server: TestServer, body: object): Promise<Stream['choices']> {
  const stream = open(server, body);
  await stream.done;
  return stream.choices;
}

const textOf = (choices: Stream['choices']) => choices.map(({ delta }) => delta.content ?? '').join('');
const say = (text: string) => ({ role: 'user', content: text });
const long = { ignore_eos: true, max_tokens: 90 };

async function requests(): Promise<Record<string, object>> {
  const png = await readFile(join(packageRoot, 'test', 'fixtures', 'pictures', 'circle-and-square.png'));
  const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${png.toString('base64')}` } };
  return {
    greedy: { ...long, temperature: 0, messages: [say('Tell me what you can do.')] },
    sampled: {
      ...long,
      temperature: 1,
      top_p: 0.95,
      seed: 5,
      presence_penalty: 0.6,
      frequency_penalty: 0.4,
      repetition_penalty: 1.2,
      logprobs: true,
      top_logprobs: 3,
      messages: [say('What is your name?')],
    },
    schema: {
      temperature: 1,
      seed: 2,
      max_tokens: 250,
      messages: [say('Numbers, please.')],
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'numbers',
          strict: true,
          schema: { type: 'array', items: { type: 'integer', minimum: 0, maximum: 999 }, minItems: 20, maxItems: 24 },
        },
      },
    },
    picture: {
      ...long,
      temperature: 0,
      stop: ['no such text'],
      messages: [{ role: 'user', content: [picture, { type: 'text', text: 'What is in the picture?' }] }],
    },
  };
}

t.test('a better priority finishes first, and nobody else is answered differently', async (t) => {
  const asked = await requests();
  const server = await startServer({ maxNumSeqs: 2 });
  t.teardown(() => server.close());
  const urgent = { temperature: 0, max_tokens: 12, messages: [say('Hello!')], priority: -1 };
  const alone = new Map<string, Stream['choices']>();
  for (const [name, body] of Object.entries({ ...asked, urgent })) alone.set(name, await answer(server, body));
  t.match(JSON.parse(textOf(alone.get('schema') ?? [])), Array);

  for (const names of [
    ['greedy', 'sampled'],
    ['schema', 'picture'],
  ]) {
    const before = server.backend.stats().preemptions;
    const order: string[] = [];
    const running = names.map((name) => ({ name, stream: open(server, { ...asked[name], priority: 3 }) }));
    for (const { name, stream } of running) void stream.done.then(() => order.push(name));
    while (running.some(({ stream }) => stream.choices.length < 8)) await new Promise((resolve) => setImmediate(resolve));
    // Of their priority, and so behind both of them.
    const equal = answer(server, { ...asked['greedy'], priority: 3 });
    const two = await Promise.all([urgent, urgent].map((body) => answer(server, body)));
    t.strictSame(order, [], `${names.join(' and ')} gave way`);
    t.equal(server.backend.stats().preemptions, before + 2);
    for (const choices of two) t.strictSame(choices, alone.get('urgent'));
    for (const { name, stream } of running) {
      await stream.done;
      t.strictSame(stream.choices, alone.get(name), name);
    }
    t.strictSame(await equal, alone.get('greedy'));
  }
  t.match(server.backend.stats(), { running: 0, waiting: 0 });
});
