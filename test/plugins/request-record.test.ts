import t from 'tap';
import { chat, testApp } from '../app-helper.ts';

const url = '/v1/chat/completions';

t.test('one line a request, without prompts, pictures or keys', async (t) => {
  const { app, log } = testApp(t);
  const payload = chat({
    stream: true,
    user: 'private-user',
    messages: [{ role: 'user', content: 'private prompt' }],
  });
  await app.inject({ method: 'POST', url: `${url}?key=private`, payload, headers: { authorization: 'Bearer private-key' } });
  t.equal(log.length, 1);
  t.match(log[0], {
    msg: 'request',
    method: 'POST',
    route: url,
    status: 200,
    request_id: /^req_/,
    model: 'scripted',
    prompt_tokens: 7,
    image_tokens: 4,
    completion_tokens: 2,
    queue_ms: 1,
    prefill_ms: 2,
    decode_ms: 3,
  });
  t.type(log[0]?.['ms'], 'number');
  t.notMatch(JSON.stringify(log), /private/);
});

t.test('refusals are logged by their code', async (t) => {
  const { app, log } = testApp(t);
  await app.inject({ method: 'POST', url, payload: chat({ model: 'private' }) });
  await app.inject('/nowhere');
  t.match(log, [
    { status: 404, error: 'model_not_found', route: url },
    { status: 404, error: 'unknown_url', route: null },
  ]);
  t.notMatch(JSON.stringify(log), /private/);
});

t.test("the client's request id is kept if it is sane", async (t) => {
  const { app } = testApp(t);
  for (const id of ['abc', 'A.b-c_1', 'x'.repeat(128)]) {
    t.equal((await app.inject({ url: '/health', headers: { 'x-request-id': id } })).headers['x-request-id'], id);
  }
  for (const id of ['', 'a b', 'x'.repeat(129), 'a,b', '<script>']) {
    t.match((await app.inject({ url: '/health', headers: { 'x-request-id': id } })).headers['x-request-id'], /^req_[0-9a-f]{32}$/);
  }
});
