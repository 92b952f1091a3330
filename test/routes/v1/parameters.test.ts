import t from 'tap';
import { QueueTimeout } from '../../../inference/errors.ts';
import { chat, testApp } from '../../app-helper.ts';
import { refusing, scriptedBackend } from '../../scripted-backend.ts';

const completion = (overrides: object) => ({ model: 'scripted', prompt: 'Hi', ...overrides });

t.test('parameters that would change the answer are refused by name', async (t) => {
  const { app, backend } = testApp(t);
  const refused: readonly (readonly [string, object])[] = [
    ['/v1/chat/completions', chat({ store: true })],
    ['/v1/chat/completions', chat({ guided_json: {} })],
    ['/v1/chat/completions', chat({ response_format: { type: 'json_object' }, ignore_eos: true })],
    ['/v1/completions', completion({ structured_outputs: { regex: 'a' }, min_tokens: 2 })],
    ['/v1/chat/completions', chat({ function_call: { name: 'f' } })],
    ['/v1/chat/completions', chat({ functions: [{}] })],
    ['/v1/chat/completions', chat({ chat_template: '{{ messages }}' })],
    ['/v1/chat/completions', chat({ continue_final_message: true })],
    ['/v1/chat/completions', chat({ modalities: ['text', 'audio'] })],
    ['/v1/chat/completions', chat({ audio: { voice: 'x' } })],
    ['/v1/chat/completions', chat({ image_policy: 'last' })],
    ['/v1/chat/completions', chat({ web_search_options: {} })],
    ['/v1/chat/completions', chat({ prediction: {} })],
    ['/v1/chat/completions', chat({ prediction: { type: 'content', content: 'Hello' } })],
    ['/v1/completions', completion({ suffix: 'end' })],
  ];
  for (const [url, payload] of refused) {
    const param = Object.keys(payload).at(-1) ?? '';
    const response = await app.inject({ method: 'POST', url, payload });
    t.equal(response.statusCode, 400, param);
    t.match(response.json(), { error: { code: 'unsupported_parameter', param, message: new RegExp(`'${param}'`) } });
  }
  t.equal(backend.requests.length, 0);
});

t.test('what steers sampling and stopping reaches the engine', async (t) => {
  const { app, backend } = testApp(t);
  const payload = {
    temperature: 0.5,
    top_p: 0.9,
    top_k: -1,
    min_p: 0.1,
    typical_p: 0.8,
    presence_penalty: -2,
    frequency_penalty: 0.25,
    repetition_penalty: 1.1,
    logit_bias: { 5: -100, 17: 2.5 },
    seed: 3,
    stop: 'end',
    stop_token_ids: [9],
    min_tokens: 4,
    ignore_eos: true,
    include_stop_str_in_output: true,
    skip_special_tokens: false,
    max_tokens: 8,
  };
  for (const [url, body] of [
    ['/v1/chat/completions', chat(payload)],
    ['/v1/completions', completion(payload)],
  ] as const) {
    const response = await app.inject({ method: 'POST', url, payload: body });
    t.equal(response.statusCode, 200, response.body);
    t.equal(response.headers['x-ignored-parameters'], undefined);
    const { sampling, stopping, output } = backend.requests.at(-1)!;
    t.strictSame(sampling, {
      temperature: 0.5,
      topP: 0.9,
      topK: 0,
      minP: 0.1,
      typicalP: 0.8,
      presencePenalty: -2,
      frequencyPenalty: 0.25,
      repetitionPenalty: 1.1,
      logitBias: new Map([
        [5, -100],
        [17, 2.5],
      ]),
      seed: 3,
    });
    t.strictSame(stopping, { stop: ['end'], stopTokenIds: [9], minTokens: 4, ignoreEos: true, includeStop: true, maxTokens: 8 });
    t.strictSame(output, { skipSpecialTokens: false, ...(url === '/v1/completions' && { continuesPrompt: true }) });
  }
});

t.test('values outside the limits are refused by name', async (t) => {
  const { app, backend } = testApp(t);
  const wrong: readonly (readonly [object, string, string])[] = [
    [{ presence_penalty: 2.1 }, 'presence_penalty', 'decimal_above_max_value'],
    [{ frequency_penalty: -2.1 }, 'frequency_penalty', 'decimal_below_min_value'],
    [{ repetition_penalty: 0 }, 'repetition_penalty', 'decimal_below_min_value'],
    [{ min_p: 1.5 }, 'min_p', 'decimal_above_max_value'],
    [{ typical_p: 0 }, 'typical_p', 'decimal_below_min_value'],
    [{ min_tokens: -1 }, 'min_tokens', 'integer_below_min_value'],
    [{ min_tokens: 9, max_tokens: 8 }, 'min_tokens', 'invalid_value'],
    [{ ignore_eos: 'yes' }, 'ignore_eos', 'invalid_type'],
    [{ logit_bias: { 5: 101 } }, 'logit_bias[5]', 'decimal_above_max_value'],
    [{ logit_bias: { five: 1 } }, 'logit_bias', 'invalid_value'],
    [{ logit_bias: { '-1': 1 } }, 'logit_bias', 'invalid_value'],
    [{ logit_bias: [5] }, 'logit_bias', 'invalid_type'],
  ];
  for (const [payload, param, code] of wrong) {
    for (const [url, body] of [
      ['/v1/chat/completions', chat(payload)],
      ['/v1/completions', completion(payload)],
    ] as const) {
      const response = await app.inject({ method: 'POST', url, payload: body });
      t.equal(response.statusCode, 400, JSON.stringify(payload));
      t.match(response.json(), { error: { type: 'invalid_request_error', param, code } });
    }
  }
  t.equal(backend.requests.length, 0);
});

t.test('a number too large to be one is called that', async (t) => {
  const { app } = testApp(t);
  for (const [field, sent] of [
    ['temperature', '1e999'],
    ['max_tokens', '-1e999'],
  ] as const) {
    const payload = JSON.stringify(chat({ [field]: 0 })).replace(`"${field}":0`, `"${field}":${sent}`);
    const headers = { 'content-type': 'application/json' };
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload });
    t.equal(response.statusCode, 400);
    t.match(response.json(), {
      error: { param: field, code: 'invalid_type', message: /but got a number beyond the range of 64-bit floats/ },
    });
  }
});

t.test('values that ask for what happens anyway are taken', async (t) => {
  const { app } = testApp(t);
  const harmless = {
    store: false,
    user: 'u',
    metadata: { a: 'b' },
    service_tier: 'auto',
    presence_penalty: 0,
    frequency_penalty: 0.0,
    repetition_penalty: 1,
    logit_bias: {},
    min_tokens: 0,
    response_format: { type: 'text' },
    priority: 0,
  };
  const forChat = {
    logprobs: false,
    tools: [],
    tool_choice: 'none',
    parallel_tool_calls: true,
    modalities: ['text'],
    prompt_cache_key: 'k',
    safety_identifier: 's',
  };
  const answers = await Promise.all([
    app.inject({ method: 'POST', url: '/v1/chat/completions', payload: chat({ ...harmless, ...forChat }) }),
    app.inject({ method: 'POST', url: '/v1/completions', payload: completion({ ...harmless, suffix: null, n: 2, best_of: 2 }) }),
  ]);
  for (const answer of answers) {
    t.equal(answer.statusCode, 200, answer.body);
    t.equal(answer.headers['x-ignored-parameters'], undefined);
  }
});

t.test('a priority goes to the engine, with every prompt of the request', async (t) => {
  const { app, backend } = testApp(t);
  await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: chat({ priority: -3 }) });
  await app.inject({ method: 'POST', url: '/v1/completions', payload: completion({ prompt: ['a', 'b'], priority: 7 }) });
  await app.inject({ method: 'POST', url: '/v1/completions', payload: completion({ priority: null }) });
  t.strictSame(
    backend.requests.map(({ priority }) => priority),
    [-3, 7, 7, undefined],
  );
});

t.test('a request that has waited for too long is told when to come again', async (t) => {
  const { app } = testApp(t, scriptedBackend(refusing(new QueueTimeout(30_000, 4))));
  for (const stream of [false, true]) {
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: chat({ stream }) });
    t.equal(response.statusCode, 503);
    t.equal(response.headers['retry-after'], '4');
    t.match(response.json(), { error: { code: 'overloaded', message: /waited 30 s/ } });
  }
});

t.test('unknown parameters are ignored, and named in a header that stays a header', async (t) => {
  const { app } = testApp(t);
  const payload = chat({ enable_thinking: false, 'x\r\ny': 1, ['é'.repeat(100)]: 1, toString: 1 });
  const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload });
  t.equal(response.statusCode, 200);
  t.equal(response.headers['x-ignored-parameters'], `enable_thinking, x??y, ${'?'.repeat(64)}, toString`);
});
