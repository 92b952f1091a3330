import t from 'tap';
import { chat, streamed, testApp } from '../../app-helper.ts';
import { saying, scriptedBackend } from '../../scripted-backend.ts';

const url = '/v1/chat/completions';

t.test('an answer in one piece has the shape of OpenAI', async (t) => {
  const { app } = testApp(t);
  const response = await app.inject({ method: 'POST', url, payload: chat({ request_id: 'mine', n: 2 }) });
  t.equal(response.statusCode, 200);
  const { created, ...body } = response.json();
  t.ok(Math.abs(created - Date.now() / 1000) < 60, 'created is now, in seconds');
  const choice = (index: number, finish_reason: string) => ({
    index,
    message: { role: 'assistant', content: 'Hello world', refusal: null },
    logprobs: null,
    finish_reason,
  });
  t.strictSame(body, {
    id: 'chatcmpl-mine',
    object: 'chat.completion',
    model: 'scripted',
    choices: [choice(0, 'stop'), choice(1, 'length')],
    usage: {
      prompt_tokens: 7,
      completion_tokens: 4,
      total_tokens: 11,
      prompt_tokens_details: { cached_tokens: 2, audio_tokens: 0, image_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    },
    service_tier: 'default',
    system_fingerprint: 'fp_test',
  });
  t.equal(response.headers['x-queue-ms'], '1.0');
  t.equal(response.headers['x-prefill-ms'], '2.0');
  t.equal(response.headers['x-decode-ms'], '3.0');
  t.match(response.headers['openai-processing-ms'], /^\d+$/);
});

t.test('a stream: role first, text, finish reason, usage, [DONE]', async (t) => {
  const { app } = testApp(t);
  const payload = chat({ stream: true, stream_options: { include_usage: true }, request_id: 'mine' });
  const response = await app.inject({ method: 'POST', url, payload });
  t.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
  const events = streamed(response.body) as { choices: unknown[]; usage: unknown; object: string; id: string }[];
  t.equal(events.pop(), '[DONE]');
  t.ok(events.every(({ id, object }) => id === 'chatcmpl-mine' && object === 'chat.completion.chunk'));
  t.strictSame(
    events.map(({ choices }) => choices),
    [
      [{ index: 0, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: 'Hello' }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: { content: ' world' }, logprobs: null, finish_reason: null }],
      [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }],
      [],
    ],
  );
  t.strictSame(
    events.slice(0, -1).map(({ usage }) => usage),
    [null, null, null, null],
  );
  t.match(events.at(-1)?.usage, { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 });
});

t.test('without include_usage no chunk mentions usage', async (t) => {
  const { app } = testApp(t);
  const response = await app.inject({ method: 'POST', url, payload: chat({ stream: true }) });
  const events = streamed(response.body).slice(0, -1) as object[];
  t.equal(events.length, 4);
  t.notOk(events.some((event) => 'usage' in event));
});

t.test('each of several choices has its role chunk and its finish reason', async (t) => {
  const { app } = testApp(t, scriptedBackend(saying('a', 'b')));
  const response = await app.inject({ method: 'POST', url, payload: chat({ stream: true, n: 3 }) });
  const choices = (
    streamed(response.body).slice(0, -1) as { choices: { index: number; delta: { role?: string; content?: string } }[] }[]
  ).map(({ choices }) => choices[0]!);
  for (const index of [0, 1, 2]) {
    const own = choices.filter((choice) => choice.index === index);
    t.equal(own[0]?.delta.role, 'assistant');
    t.equal(own.map(({ delta }) => delta.content ?? '').join(''), 'ab');
    t.match(own.at(-1), { finish_reason: index === 0 ? 'stop' : 'length' });
  }
});

t.test('what the engine is asked', async (t) => {
  const ask = async (overrides: object) => {
    const { app, backend } = testApp(t);
    const response = await app.inject({ method: 'POST', url, payload: chat(overrides), headers: { 'x-request-id': 'abc' } });
    t.equal(response.statusCode, 200, response.body);
    return backend.requests[0]!;
  };
  t.strictSame(
    await ask({}),
    {
      model: 'scripted',
      prompt: { kind: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }], addGenerationPrompt: true },
      n: 1,
      sampling: {
        temperature: 1,
        topP: 1,
        topK: 0,
        minP: 0,
        typicalP: 1,
        presencePenalty: 0,
        frequencyPenalty: 0,
        repetitionPenalty: 1,
      },
      stopping: { stop: [], stopTokenIds: [], minTokens: 0, ignoreEos: false, includeStop: false },
      output: { skipSpecialTokens: true },
      requestId: 'abc',
    },
    "OpenAI's defaults",
  );
  t.match(
    await ask({
      model: 'accounts/test/models/scripted',
      n: 3,
      temperature: 0,
      top_p: 0.5,
      top_k: -1,
      seed: 5,
      stop: 'END',
      stop_token_ids: [1, 2],
      max_completion_tokens: 9,
      add_generation_prompt: false,
      request_id: 'mine',
    }),
    {
      model: 'accounts/test/models/scripted',
      prompt: { addGenerationPrompt: false },
      n: 3,
      sampling: { temperature: 0, topP: 0.5, topK: 0, seed: 5 },
      stopping: { stop: ['END'], stopTokenIds: [1, 2], maxTokens: 9 },
      requestId: 'mine',
    },
  );
  t.match(await ask({ max_tokens: 4, stop: ['a', 'b'] }), { stopping: { stop: ['a', 'b'], maxTokens: 4 } });
  t.match(
    await ask({
      messages: [
        { role: 'system', content: 'S' },
        { role: 'developer', content: [{ type: 'text', text: 'D' }] },
        { role: 'user', content: 'U', name: 'Ann' },
        { role: 'assistant', content: 'A', tool_calls: [], refusal: null },
        {
          role: 'user',
          content: [
            { type: 'text', text: '1' },
            { type: 'text', text: '2' },
          ],
        },
      ],
    }),
    {
      prompt: {
        messages: [
          { role: 'system', content: [{ text: 'S' }] },
          { role: 'system', content: [{ text: 'D' }] },
          { role: 'user', content: [{ text: 'U' }], name: 'Ann' },
          { role: 'assistant', content: [{ text: 'A' }] },
          { role: 'user', content: [{ text: '1' }, { text: '2' }] },
        ],
      },
    },
  );
  const nothing = Object.fromEntries(
    [
      'stream',
      'stream_options',
      'n',
      'max_tokens',
      'temperature',
      'top_p',
      'seed',
      'stop',
      'user',
      'logprobs',
      'tools',
      'response_format',
    ].map((name) => [name, null]),
  );
  t.match(await ask(nothing), { n: 1, sampling: { temperature: 1 } }, 'null means left out');
});

t.test('images stand where the parts stood, in order', async (t) => {
  const { app, backend } = testApp(t);
  // 1×1 PPM pictures: red, green, blue.
  const picture = (...rgb: number[]) =>
    `data:image/x-portable-pixmap;base64,${Buffer.concat([Buffer.from('P6 1 1 255\n'), Buffer.from(rgb)]).toString('base64')}`;
  const messages = [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: picture(255, 0, 0), detail: 'low' } },
        { type: 'text', text: 'first' },
        { type: 'image_url', image_url: picture(0, 255, 0) },
      ],
    },
    { role: 'assistant', content: 'ok' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'third' },
        { type: 'image_url', image_url: { url: picture(0, 0, 255), detail: null } },
      ],
    },
  ];
  const response = await app.inject({ method: 'POST', url, payload: chat({ messages }) });
  t.equal(response.statusCode, 200, response.body);
  const prompt = backend.requests[0]!.prompt;
  if (prompt.kind !== 'chat') throw new Error('not a chat');
  const seen = prompt.messages.map(({ content }) =>
    content.map((part) => (part.type === 'text' ? part.text : [...(part.image.data ?? [])])),
  );
  t.strictSame(seen, [[[255, 0, 0], 'first', [0, 255, 0]], ['ok'], ['third', [0, 0, 255]]]);
});
