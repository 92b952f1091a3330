import t from 'tap';
import { chat, testApp } from '../../app-helper.ts';

const url = '/v1/chat/completions';

const wrong: readonly (readonly [string, object, string | null, string])[] = [
  ['no model', { model: undefined }, 'model', 'missing_required_parameter'],
  ['no messages', { messages: undefined }, 'messages', 'missing_required_parameter'],
  ['null messages', { messages: null }, 'messages', 'missing_required_parameter'],
  ['empty messages', { messages: [] }, 'messages', 'empty_array'],
  ['messages of a wrong type', { messages: 'Hi' }, 'messages', 'invalid_type'],
  ['a message of a wrong type', { messages: ['Hi'] }, 'messages[0]', 'invalid_type'],
  ['a message without role', { messages: [{ content: 'Hi' }] }, 'messages[0].role', 'missing_required_parameter'],
  ['an unknown role', { messages: [{ role: 'king', content: 'Hi' }] }, 'messages[0].role', 'invalid_value'],
  ['content missing', { messages: [{ role: 'user' }] }, 'messages[0].content', 'missing_required_parameter'],
  ['content of a wrong type', { messages: [{ role: 'user', content: 5 }] }, 'messages[0].content', 'invalid_type'],
  ['empty content parts', { messages: [{ role: 'user', content: [] }] }, 'messages[0].content', 'empty_array'],
  ['an unknown part', { messages: [{ role: 'user', content: [{ type: 'x' }] }] }, 'messages[0].content[0].type', 'invalid_value'],
  [
    'an image in a system message',
    { messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'http://a/b' } }] }] },
    'messages[0].content[0].type',
    'invalid_value',
  ],
  [
    'an image part without url',
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] },
    'messages[0].content[0].image_url.url',
    'missing_required_parameter',
  ],
  [
    'an unknown detail',
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:', detail: 'tiny' } }] }] },
    'messages[0].content[0].image_url.detail',
    'invalid_value',
  ],
  [
    'an assistant turn without content',
    { messages: [{ role: 'assistant', content: null }] },
    'messages[0].content',
    'missing_required_parameter',
  ],
  [
    'a function call of the past in its former shape',
    { messages: [{ role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } }] },
    'messages[0].function_call',
    'unsupported_parameter',
  ],
  ['temperature above 2', { temperature: 2.1 }, 'temperature', 'decimal_above_max_value'],
  ['temperature below 0', { temperature: -0.1 }, 'temperature', 'decimal_below_min_value'],
  ['temperature as text', { temperature: '1' }, 'temperature', 'invalid_type'],
  ['top_p of 0', { top_p: 0 }, 'top_p', 'decimal_below_min_value'],
  ['top_p above 1', { top_p: 1.01 }, 'top_p', 'decimal_above_max_value'],
  ['top_k below -1', { top_k: -2 }, 'top_k', 'integer_below_min_value'],
  ['n of 0', { n: 0 }, 'n', 'integer_below_min_value'],
  ['n above 128', { n: 129 }, 'n', 'integer_above_max_value'],
  ['n as a fraction', { n: 1.5 }, 'n', 'invalid_type'],
  ['max_tokens of 0', { max_tokens: 0 }, 'max_tokens', 'integer_below_min_value'],
  ['two limits that differ', { max_tokens: 5, max_completion_tokens: 6 }, 'max_tokens', 'invalid_value'],
  ['stop of a wrong type', { stop: 5 }, 'stop', 'invalid_type'],
  ['an empty stop string', { stop: ['a', ''] }, 'stop[1]', 'empty_string'],
  ['17 stop strings', { stop: Array(17).fill('x') }, 'stop', 'array_above_max_length'],
  ['stop token ids as text', { stop_token_ids: ['a'] }, 'stop_token_ids[0]', 'invalid_type'],
  ['stream as text', { stream: 'yes' }, 'stream', 'invalid_type'],
  ['stream_options without stream', { stream_options: { include_usage: true } }, 'stream_options', 'invalid_value'],
  ['a request id with a line break', { request_id: 'a\nb' }, 'request_id', 'invalid_value'],
  ['metadata that is no text', { metadata: { a: 1 } }, 'metadata.a', 'invalid_type'],
  ['a priority that is no integer', { priority: 1.5 }, 'priority', 'invalid_type'],
  ['a priority beyond 32 bits', { priority: 2 ** 31 }, 'priority', 'integer_above_max_value'],
  ['a service tier that does not exist', { service_tier: 'priority' }, 'service_tier', 'invalid_value'],
];

t.test('wrong requests are refused by field, and the next one is answered', async (t) => {
  const { app, backend } = testApp(t);
  for (const [what, overrides, param, code] of wrong) {
    const response = await app.inject({ method: 'POST', url, payload: chat(overrides) });
    t.equal(response.statusCode, 400, what);
    const { error, ...rest } = response.json();
    t.match(error, { type: 'invalid_request_error', param, code, message: /\w{3}/ }, `${what}: ${error.message}`);
    t.strictSame([Object.keys(error), Object.keys(rest)], [['message', 'type', 'param', 'code'], []]);
  }
  t.equal(backend.requests.length, 0);
  t.equal((await app.inject({ method: 'POST', url, payload: chat() })).statusCode, 200);
});

t.test('an unknown model is 404', async (t) => {
  const { app } = testApp(t);
  const response = await app.inject({ method: 'POST', url, payload: chat({ model: 'gpt-4o' }) });
  t.equal(response.statusCode, 404);
  t.match(response.json(), { error: { type: 'invalid_request_error', code: 'model_not_found', param: 'model', message: /'gpt-4o'/ } });
});
