/** The official client against the real server: what a user's program does and sees. */
import OpenAI from 'openai';
import sharp from 'sharp';
import t from 'tap';
import { startServer, type TestServer } from '../helper.ts';

let server: TestServer;
let client: OpenAI;

t.before(async () => {
  server = await startServer({ servedNames: ['test-model', 'accounts/test/models/test-model'] });
  client = new OpenAI({ baseURL: server.baseURL, apiKey: 'unused', maxRetries: 0 });
});
t.teardown(() => server?.close());

async function picture(colour: string): Promise<string> {
  const png = await sharp({ create: { width: 48, height: 32, channels: 3, background: colour } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

/** An addition of this server, so not in the SDK's types. */
function imageTokens(usage: OpenAI.CompletionUsage): number {
  return (usage.prompt_tokens_details as { image_tokens?: number }).image_tokens ?? 0;
}

/** The exception that a call must end with. */
async function refusal(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error('The call was answered'),
    (error: unknown) => error,
  );
}

const greedy = { temperature: 0, max_tokens: 12 } as const;

t.test('models', async (t) => {
  const names: string[] = [];
  for await (const model of client.models.list()) names.push(model.id);
  t.strictSame(names, ['test-model', 'accounts/test/models/test-model']);
  for (const name of names) t.match(await client.models.retrieve(name), { id: name, object: 'model' });
});

t.test('chat about a picture', async (t) => {
  const answer = await client.chat.completions.create({
    model: 'test-model',
    ...greedy,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What colour is this?' },
          { type: 'image_url', image_url: { url: await picture('red') } },
        ],
      },
    ],
  });
  t.match(answer, { object: 'chat.completion', model: 'test-model', id: /^chatcmpl-/ });
  t.match(answer.choices, [{ index: 0, message: { role: 'assistant', content: /./ }, finish_reason: /^(stop|length)$/ }]);
  const usage = answer.usage!;
  t.ok(usage.completion_tokens > 0 && usage.completion_tokens <= 12);
  t.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  t.ok(imageTokens(usage) > 0);
  t.type(answer._request_id, 'string');
});

t.test('a stream says the same as the answer in one piece, with its usage at the end', async (t) => {
  const question = { model: 'test-model', ...greedy, messages: [{ role: 'user' as const, content: 'Hello!' }] };
  const whole = await client.chat.completions.create(question);
  const stream = await client.chat.completions.create({ ...question, stream: true, stream_options: { include_usage: true } });
  let text = '';
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    text += chunk.choices[0]?.delta.content ?? '';
  }
  t.equal(text, whole.choices[0]?.message.content);
  t.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
  t.strictSame(chunks.at(-1)?.choices, []);
  t.strictSame({ ...chunks.at(-1)?.usage, prompt_tokens_details: null }, { ...whole.usage, prompt_tokens_details: null });
  t.equal(new Set(chunks.map(({ id }) => id)).size, 1);
});

t.test("the SDK's own accumulator takes the stream", async (t) => {
  const stream = client.chat.completions.stream({ model: 'test-model', ...greedy, messages: [{ role: 'user', content: 'Hello!' }] });
  const final = await stream.finalChatCompletion();
  t.match(final.choices, [{ message: { role: 'assistant', content: /./ } }]);
});

t.test('several choices; the same seed gives the same ones again', async (t) => {
  const ask = () =>
    client.chat.completions.create({
      model: 'test-model',
      n: 8,
      seed: 7,
      temperature: 2,
      max_tokens: 40,
      messages: [{ role: 'user', content: 'Describe something.' }],
    });
  const [first, second] = await Promise.all([ask(), ask()]);
  const texts = (answer: OpenAI.ChatCompletion) => answer.choices.map(({ message }) => message.content);
  t.strictSame(
    first.choices.map(({ index }) => index),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  t.strictSame(texts(first), texts(second));
  t.ok(new Set(texts(first)).size > 1, 'each choice has its own random stream');
});

t.test('completions: prompts side by side, echo, stream, images', async (t) => {
  const answer = await client.completions.create({ model: 'test-model', ...greedy, prompt: ['One two', 'Red green'], n: 2, echo: true });
  t.strictSame(
    answer.choices.map(({ index, text }) => [index, text.startsWith(index < 2 ? 'One two' : 'Red green')]),
    [
      [0, true],
      [1, true],
      [2, true],
      [3, true],
    ],
  );
  const alone = await client.completions.create({ model: 'test-model', ...greedy, prompt: 'Red green' });
  t.equal(answer.choices[2]?.text, `Red green${alone.choices[0]?.text}`);

  const images = [await picture('red'), await picture('blue')];
  const withImages = { model: 'test-model', ...greedy, prompt: '<image>\n<image>\nTwo colours:', images };
  const seen = await client.completions.create(withImages);
  t.ok(imageTokens(seen.usage!) > 0);
  let text = '';
  for await (const chunk of await client.completions.create({ ...withImages, stream: true })) text += chunk.choices[0]?.text ?? '';
  t.equal(text, seen.choices[0]?.text);
});

t.test('errors arrive as the exceptions of the SDK', async (t) => {
  const chat = (overrides: object) =>
    client.chat.completions.create({ model: 'test-model', messages: [{ role: 'user', content: 'Hi' }], ...overrides });
  t.ok((await refusal(chat({ model: 'gpt-4o' }))) instanceof OpenAI.NotFoundError);
  t.match(await refusal(chat({ model: 'gpt-4o' })), { status: 404, code: 'model_not_found' });
  t.ok((await refusal(chat({ temperature: 5 }))) instanceof OpenAI.BadRequestError);
  t.match(await refusal(chat({ temperature: 5 })), { status: 400, param: 'temperature', type: 'invalid_request_error' });
  t.match(await refusal(chat({ store: true })), { code: 'unsupported_parameter', param: 'store' });
  t.match(await refusal(chat({ top_logprobs: 3 })), { status: 400, param: 'top_logprobs' });
  t.match(await refusal(chat({ stream: true, n: 0 })), { status: 400, param: 'n' });
  t.match(await refusal(chat({ messages: [{ role: 'user', content: 'word '.repeat(5000) }], stream: true })), {
    status: 400,
    code: 'context_length_exceeded',
  });
  t.match(
    await refusal(
      client.completions.create({
        model: 'test-model',
        prompt: '<image> <image>',
        images: [await picture('red')],
      } as OpenAI.CompletionCreateParamsNonStreaming),
    ),
    { status: 400, code: 'image_count_mismatch' },
  );
  const broken = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
  t.ok((await refusal(chat({ messages: [{ role: 'user', content: [broken] }] }))) instanceof OpenAI.BadRequestError);
  t.ok((await refusal(client.models.retrieve('nothing'))) instanceof OpenAI.NotFoundError);
  t.match((await chat({ max_tokens: 3 })).choices.length, 1, 'and the next request is answered');
});

t.test('leaving a stream frees its sequence', async (t) => {
  const stream = await client.chat.completions.create({
    model: 'test-model',
    temperature: 1.5,
    stream: true,
    messages: [{ role: 'user', content: 'Tell a long story.' }],
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  while (server.backend.stats().running > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const { running, waiting, slots, freeSlots } = server.backend.stats();
  t.match({ running, waiting, freeSlots }, { running: 0, waiting: 0, freeSlots: slots });
});
