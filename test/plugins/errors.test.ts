import { connect } from 'node:net';
import type { InjectOptions } from 'fastify';
import t from 'tap';
import {
  CheckpointError,
  ContextLengthExceeded,
  ImageCountMismatch,
  QueueFull,
  RequestError,
  ShuttingDown,
} from '../../inference/errors.ts';
import { errorAnswer } from '../../plugins/errors/mapping.ts';
import { chat, listening, testApp } from '../app-helper.ts';
import { refusing, scriptedBackend } from '../scripted-backend.ts';

const url = '/v1/chat/completions';

t.test('errors of the engine by class', async (t) => {
  t.match(errorAnswer(new ContextLengthExceeded(3000, 16, 2048)), {
    status: 400,
    body: { error: { type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded', message: /2048.*3016/ } },
  });
  t.match(errorAnswer(new ImageCountMismatch(1, 2)), { status: 400, body: { error: { param: 'prompt', code: 'image_count_mismatch' } } });
  t.match(errorAnswer(new QueueFull(4, 7)), { status: 503, headers: { 'retry-after': '7' }, body: { error: { code: 'overloaded' } } });
  t.match(errorAnswer(new ShuttingDown()), { status: 503, body: { error: { type: 'server_error', code: 'shutting_down' } } });
  class TooLarge extends RequestError {
    override readonly code = 'image_too_large';
    readonly status = 413;
  }
  t.match(errorAnswer(new TooLarge('big', 'messages')), { status: 413, body: { error: { code: 'image_too_large', param: 'messages' } } });
  for (const fault of [new CheckpointError('/secret'), new TypeError('/secret'), 'secret', undefined, { code: 'x' }]) {
    const { status, body } = errorAnswer(fault);
    t.equal(status, 500);
    t.match(body, { error: { type: 'server_error', code: 'server_error', param: null } });
    t.notMatch(body.error.message, /secret/);
  }
});

t.test('errors of the protocol', async (t) => {
  const { app } = testApp(t);
  const json = { 'content-type': 'application/json' };
  const cases: readonly (readonly [string, InjectOptions, number, string])[] = [
    ['a path that does not exist', { url: '/v1/nothing?key=secret' }, 404, 'unknown_url'],
    ['a path that is not encoded properly', { url: '/%zz' }, 404, 'unknown_url'],
    ['a method that the path does not have', { url }, 405, 'method_not_supported'],
    ['broken JSON', { method: 'POST', url, headers: json, payload: '{"model": ' }, 400, 'invalid_json'],
    ['an empty body', { method: 'POST', url, headers: json }, 400, 'invalid_json'],
    ['a forged prototype', { method: 'POST', url, headers: json, payload: '{"__proto__": {"a": 1}}' }, 400, 'invalid_json'],
    ['an array', { method: 'POST', url, headers: json, payload: '[]' }, 400, 'invalid_type'],
    ['text', { method: 'POST', url, headers: { 'content-type': 'text/plain' }, payload: 'Hi' }, 415, 'unsupported_media_type'],
    [
      'a form where none is read',
      { method: 'POST', url: '/v1/completions', headers: { 'content-type': 'multipart/form-data; boundary=x' } },
      415,
      'unsupported_media_type',
    ],
    ['a body past the limit', { method: 'POST', url, payload: chat({ user: 'x'.repeat(17 * 1024 * 1024) }) }, 413, 'request_too_large'],
  ];
  for (const [what, request, status, code] of cases) {
    const response = await app.inject(request);
    t.equal(response.statusCode, status, what);
    t.match(response.json(), { error: { type: 'invalid_request_error', code, param: null } }, what);
    t.strictSame(Object.keys(response.json().error), ['message', 'type', 'param', 'code']);
    t.match(response.headers['x-request-id'], /^req_[0-9a-f]{32}$/, 'has an id');
    t.notMatch(response.body, /secret/);
  }
});

t.test('bodies of ten megabytes of images are read', async (t) => {
  const { app } = testApp(t);
  const response = await app.inject({ method: 'POST', url, payload: chat({ user: 'x'.repeat(14 * 1024 * 1024) }) });
  t.equal(response.statusCode, 200);
});

t.test('405 names the methods that are there', async (t) => {
  const { app } = testApp(t);
  const cases = [
    ['PUT', '/v1/chat/completions', 'POST'],
    ['GET', '/v1/completions', 'POST'],
    ['POST', '/v1/models', 'GET, HEAD'],
    ['DELETE', '/v1/models/a/b?x=1', 'GET, HEAD'],
    ['PATCH', '/health', 'GET, HEAD'],
  ] as const;
  for (const [method, path, allow] of cases) {
    const response = await app.inject({ method, url: path, headers: { 'content-type': 'text/plain' }, payload: 'no JSON' });
    t.equal(response.statusCode, 405);
    t.equal(response.headers.allow, allow);
    t.match(response.json(), { error: { message: new RegExp(`${method} on ${path.split('?')[0]}\\.`) } });
  }
});

t.test('a fault of the engine is logged with its cause and answered without it', async (t) => {
  const { app, log } = testApp(t, scriptedBackend(refusing(new Error('secret detail'))));
  const response = await app.inject({ method: 'POST', url, payload: chat(), headers: { 'x-request-id': 'trace-1' } });
  t.equal(response.statusCode, 500);
  t.equal(response.headers['x-request-id'], 'trace-1');
  t.notMatch(response.body, /secret/);
  t.match(
    log.find(({ msg }) => msg === 'request failed'),
    { request_id: 'trace-1', err: { message: 'secret detail' } },
  );
});

t.test('what never becomes a request, or one without what HTTP asks for, gets an OpenAI error with an id, too', async (t) => {
  const { app, log } = testApp(t);
  const { port } = new URL(await listening(app));
  const send = (bytes: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes));
      let answer = '';
      socket.on('data', (data) => {
        answer += String(data);
      });
      socket.on('close', () => resolve(answer));
    });
  const cases: readonly (readonly [string, number, string | null])[] = [
    ['nonsense\r\n\r\n', 400, null],
    [`GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, null],
    ['GET /health HTTP/1.1\r\nconnection: close\r\n\r\n', 400, null],
    ['GET /health HTTP/1.1\r\nhost: x\r\nexpect: bogus\r\nconnection: close\r\n\r\n', 417, null],
    ['CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n', 405, 'method_not_supported'],
  ];
  for (const [bytes, status, code] of cases) {
    const [head = '', body = ''] = (await send(bytes)).split('\r\n\r\n');
    t.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), bytes.slice(0, 40));
    t.strictSame(Object.keys(JSON.parse(body).error), ['message', 'type', 'param', 'code']);
    t.match(JSON.parse(body), { error: { type: 'invalid_request_error', param: null, code } });
    const id = /^x-request-id: (req_[0-9a-f]{32})$/m.exec(head)?.[1];
    t.match(
      log.find(({ request_id }) => request_id === id),
      { status },
      'the id is in the log',
    );
  }
  t.match(await send('GET /health HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /, 'HTTP/1.0 asks for no Host');
  t.match(
    await send('GET /health HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1\.1 100 [\s\S]*HTTP\/1\.1 200 /,
  );
});
