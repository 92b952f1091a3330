import t from 'tap';
import { chat, testApp } from '../../app-helper.ts';

const completion = (overrides: object) => ({ model: 'scripted', prompt: 'Hi', ...overrides });

t.test('parameters that would change the answer are refused by name', async (t) => {
  const { app, backend } = testApp(t);
  const refused: readonly (readonly [string, object])[] = [
    ['/v1/chat/completions', chat({ store: true })],
    ['/v1/chat/completions', chat({ presence_penalty: 0.5 })],
    ['/v1/chat/completions', chat({ frequency_penalty: -1 })],
    ['/v1/chat/completions', chat({ repetition_penalty: 1.1 })],
    ['/v1/chat/completions', chat({ logit_bias: { 5: 1 } })],
    ['/v1/chat/completions', chat({ logprobs: true })],
    ['/v1/chat/completions', chat({ top_logprobs: 3 })],
    ['/v1/chat/completions', chat({ min_tokens: 4 })],
    ['/v1/chat/completions', chat({ min_p: 0.1 })],
    ['/v1/chat/completions', chat({ ignore_eos: true })],
    ['/v1/chat/completions', chat({ response_format: { type: 'json_object' } })],
    ['/v1/chat/completions', chat({ structured_outputs: { regex: 'a' } })],
    ['/v1/chat/completions', chat({ tools: [{ type: 'function', function: { name: 'f' } }] })],
    ['/v1/chat/completions', chat({ tool_choice: 'required' })],
    ['/v1/chat/completions', chat({ functions: [{}] })],
    ['/v1/chat/completions', chat({ chat_template: '{{ messages }}' })],
    ['/v1/chat/completions', chat({ continue_final_message: true })],
    ['/v1/chat/completions', chat({ modalities: ['text', 'audio'] })],
    ['/v1/chat/completions', chat({ audio: { voice: 'x' } })],
    ['/v1/chat/completions', chat({ image_policy: 'last' })],
    ['/v1/chat/completions', chat({ web_search_options: {} })],
    ['/v1/completions', completion({ suffix: 'end' })],
    ['/v1/completions', completion({ logprobs: 0 })],
    ['/v1/completions', completion({ best_of: 3 })],
  ];
  for (const [url, payload] of refused) {
    const param = Object.keys(payload).at(-1) ?? '';
    const response = await app.inject({ method: 'POST', url, payload });
    t.equal(response.statusCode, 400, param);
    t.match(response.json(), { error: { code: 'unsupported_parameter', param, message: new RegExp(`'${param}'`) } });
  }
  t.equal(backend.requests.length, 0);
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

t.test('unknown parameters are ignored, and named in a header that stays a header', async (t) => {
  const { app } = testApp(t);
  const payload = chat({ enable_thinking: false, 'x\r\ny': 1, ['é'.repeat(100)]: 1, toString: 1 });
  const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload });
  t.equal(response.statusCode, 200);
  t.equal(response.headers['x-ignored-parameters'], `enable_thinking, x??y, ${'?'.repeat(64)}, toString`);
});
