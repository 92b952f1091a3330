import { connect } from 'node:net';
import { mock } from 'node:test';
import t from 'tap';
import { chat, deferred, listening, testApp } from '../app-helper.ts';
import { saying, scriptedBackend } from '../scripted-backend.ts';

const inference = ['/v1/chat/completions', '/v1/completions'];

t.test('while the model loads, inference is refused for a while', async (t) => {
  const { app, backend } = testApp(t);
  backend.phase = { phase: 'loading', step: 'weights' };
  for (const url of inference) {
    const response = await app.inject({ method: 'POST', url, payload: chat() });
    t.equal(response.statusCode, 503);
    t.equal(response.headers['retry-after'], '2');
    t.match(response.json(), { error: { type: 'server_error', code: 'model_loading', param: null } });
  }
  backend.phase = { phase: 'ready' };
  t.equal((await app.inject({ method: 'POST', url: inference[0]!, payload: chat() })).statusCode, 200);
});

t.test('a model that failed to load is a fault of the server', async (t) => {
  const { app, backend } = testApp(t);
  backend.phase = { phase: 'failed', error: new Error('/secret/path') };
  const response = await app.inject({ method: 'POST', url: inference[0]!, payload: chat() });
  t.equal(response.statusCode, 500);
  t.notMatch(response.body, /secret/);
});

t.test('a full queue refuses before the body is sent', async (t) => {
  const { app, backend } = testApp(t, scriptedBackend(), { maxQueue: 3 });
  backend.waiting = 3;
  const { port } = new URL(await listening(app));
  const socket = connect(Number(port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  // The head alone: the answer must not wait for the megabyte it announces.
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n');
  const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
  t.match(answer, /^HTTP\/1\.1 503 /);
  t.match(answer, /retry-after: 1\r\n/i);
  t.match(answer, /"code":"overloaded"/);
  backend.waiting = 2;
  t.equal((await app.inject({ method: 'POST', url: inference[0]!, payload: chat() })).statusCode, 200);
});

t.test('without a queue, requests are taken while slots are free', async (t) => {
  const { app } = testApp(t, scriptedBackend(), { maxQueue: 0 });
  t.equal((await app.inject({ method: 'POST', url: inference[0]!, payload: chat() })).statusCode, 200);
});

t.test('closing: running requests finish, new ones are told to go elsewhere, the backend is closed with its grace', async (t) => {
  const gate = deferred();
  const begun = deferred();
  const script = saying('Hello');
  const backend = scriptedBackend(async function* (request, signal) {
    begun.resolve();
    await gate.promise;
    yield* script(request, signal);
  });
  const drained = deferred();
  const close = backend.close;
  backend.close = async (graceMs) => {
    await drained.promise;
    await close(graceMs);
  };
  const { app } = testApp(t, backend, { shutdownGraceMs: 1234 });
  const base = await listening(app);
  const post = () =>
    fetch(`${base}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chat()),
    });
  const running = post();
  await begun.promise;
  const closed = app.close();
  const ready = await fetch(`${base}/ready`);
  t.equal(ready.status, 503);
  t.match(await ready.json(), { error: { code: 'shutting_down' } });
  const refused = await post();
  t.equal(refused.status, 503);
  t.match(await refused.json(), { error: { code: 'shutting_down', type: 'server_error' } });
  gate.resolve();
  t.match(await (await running).json(), { choices: [{ message: { content: 'Hello' } }] });
  drained.resolve();
  await closed;
  t.equal(backend.closedWith, 1234);
  await t.rejects(fetch(`${base}/health`), 'the port is closed');
});

t.test('closing may take longer than Fastify gives a plugin to load', async (t) => {
  const drained = deferred();
  const closing = deferred();
  const backend = scriptedBackend();
  backend.close = () => {
    closing.resolve();
    return drained.promise;
  };
  const { app, log } = testApp(t, backend, { shutdownGraceMs: 100_000 });
  const base = await listening(app);
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const closed = app.close();
  await closing.promise;
  mock.timers.tick(60_000);
  mock.timers.reset();
  t.equal((await fetch(`${base}/ready`)).status, 503, 'still listening');
  drained.resolve();
  await closed;
  t.strictSame(
    log.filter(({ level }) => Number(level) > 30),
    [],
  );
});
