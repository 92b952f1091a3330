import fc from 'fast-check';
import t from 'tap';
import { testApp } from '../../app-helper.ts';

const names = [
  'model',
  'messages',
  'prompt',
  'images',
  'stream',
  'stream_options',
  'n',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'stop',
  'stop_token_ids',
  'metadata',
  'logit_bias',
  'response_format',
  'tools',
  'request_id',
  'service_tier',
  '__proto__',
  'constructor',
  'toString',
];

const anyValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom('scripted', 1, 0, -1, 0.5, 1e300, '', [], {}, true, [[]], 'user'),
  fc.array(fc.record({ role: fc.constantFrom('user', 'system', 'tool', 5), content: fc.jsonValue() })),
);

const anyBody = fc.oneof(
  fc.jsonValue(),
  fc
    .dictionary(fc.constantFrom(...names), anyValue)
    .map((body) => ({ model: 'scripted', messages: [{ role: 'user', content: 'Hi' }], prompt: 'Hi', ...body })),
);

t.test('whatever JSON is sent, the answer is a completion or a refusal that names the field', async (t) => {
  const { app } = testApp(t);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('/v1/chat/completions', '/v1/completions'), anyBody, async (url, body) => {
      const response = await app.inject({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        payload: JSON.stringify(body),
      });
      if (response.statusCode === 200) return;
      const { error } = response.json();
      if (![400, 404].includes(response.statusCode)) throw new Error(`${response.statusCode} for ${JSON.stringify(body)}`);
      if (typeof error.message !== 'string' || error.type !== 'invalid_request_error') throw new Error(response.body);
      if (/undefined|\[object|NaN/.test(error.message)) throw new Error(error.message);
    }),
    { numRuns: 400 },
  );
  t.pass('400 bodies');
});

t.test('nesting as deep as the body allows is a refusal, not a crash', async (t) => {
  const { app } = testApp(t);
  const depth = 1_000_000;
  for (const payload of [
    `{"model":"scripted","messages":${'['.repeat(depth)}${']'.repeat(depth)}}`,
    `{"model":"scripted","messages":[{"role":"user","content":${'[{"content":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}}]}`,
  ]) {
    const response = await app.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      payload,
    });
    t.equal(response.statusCode, 400);
    t.match(response.json(), { error: { type: 'invalid_request_error' } });
  }
});
