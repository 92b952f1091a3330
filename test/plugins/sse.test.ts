import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import t from 'tap';
import { ContextLengthExceeded, EngineFailure, QueueFull } from '../../inference/errors.ts';
import type { GenerationEvent } from '../../inference/types.ts';
import { chat, deferred, listening, streamed, testApp } from '../app-helper.ts';
import { aborted, refusing, type Script, scriptedBackend } from '../scripted-backend.ts';

const url = '/v1/chat/completions';
const start: GenerationEvent = { type: 'start', promptTokens: 1, imageTokens: 0, promptText: '' };
const finish: GenerationEvent = { type: 'finish', choice: 0, reason: 'stop', completionTokens: 1 };
const done: GenerationEvent = {
  type: 'done',
  usage: { promptTokens: 1, completionTokens: 1, imageTokens: 0, cachedTokens: 0 },
  timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
};
const text = (content: string): GenerationEvent => ({ type: 'text', choice: 0, text: content, tokenIds: [1] });

/** Opens a stream with Node's own client, which lets a test read slowly or hang up. */
async function open(base: string, body: object): Promise<{ request: ClientRequest; response: IncomingMessage }> {
  const request = httpRequest(`${base}${url}`, { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false });
  request.on('error', () => {});
  request.end(JSON.stringify(body));
  const response = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
  return { request, response };
}

t.test('a refusal before the first event is an HTTP error', async (t) => {
  const refusals: readonly (readonly [Error, number, string])[] = [
    [new ContextLengthExceeded(3000, 10, 2048), 400, 'context_length_exceeded'],
    [new QueueFull(9), 503, 'overloaded'],
    [new EngineFailure('secret detail'), 500, 'server_error'],
  ];
  for (const [error, status, code] of refusals) {
    const { app } = testApp(t, scriptedBackend(refusing(error)));
    const response = await app.inject({ method: 'POST', url, payload: chat({ stream: true }) });
    t.equal(response.statusCode, status);
    t.equal(response.headers['content-type'], 'application/json; charset=utf-8');
    t.match(response.json(), { error: { code } });
    t.notMatch(response.body, /secret/);
    t.equal(response.headers['retry-after'], status === 503 ? '1' : undefined);
  }
});

t.test('a failure in mid-stream is an error event, and the stream ends without [DONE]', async (t) => {
  const { app, log } = testApp(
    t,
    scriptedBackend(async function* () {
      yield start;
      yield text('Hel');
      throw new EngineFailure('secret detail');
    }),
  );
  const response = await app.inject({ method: 'POST', url, payload: chat({ stream: true }) });
  t.equal(response.statusCode, 200);
  const events = streamed(response.body);
  t.equal(events.length, 3);
  t.match(events[2], { error: { type: 'server_error', code: 'server_error', param: null } });
  t.notMatch(response.body, /secret|DONE/);
  t.match(
    log.find(({ msg }) => msg === 'stream failed'),
    { err: { message: 'secret detail' } },
    'the cause is in the log',
  );
  t.match(
    log.find(({ msg }) => msg === 'request'),
    { error: 'server_error' },
  );
});

t.test('comments keep a silent stream alive, before the first token and after', async (t) => {
  const gates = [deferred(), deferred()] as const;
  const script: Script = async function* () {
    yield start;
    await gates[0].promise;
    yield text('late');
    await gates[1].promise;
    yield finish;
    yield done;
  };
  const { app } = testApp(t, scriptedBackend(script), { keepAliveMs: 5 });
  const { response } = await open(await listening(app), chat({ stream: true }));
  response.setEncoding('utf8');
  let body = '';
  for await (const chunk of response) {
    body += chunk;
    const comments = body.split(': keep-alive\n\n').length - 1;
    if (comments >= 2) gates[0].resolve();
    if (body.includes('late') && comments >= 4) gates[1].resolve();
  }
  const events = streamed(body);
  const words = events.map((event) => (typeof event === 'string' ? event : 'chunk'));
  t.equal(words[0], 'chunk', 'the role comes first');
  t.equal(words[1], ': keep-alive');
  t.equal(words.at(-1), '[DONE]');
  t.equal(words.filter((word) => word === 'chunk').length, 3);
});

t.test('a request that waits long gets its head and comments before the first event', async (t) => {
  const gate = deferred();
  const { app } = testApp(
    t,
    scriptedBackend(async function* () {
      await gate.promise;
      yield start;
      yield finish;
      yield done;
    }),
    { keepAliveMs: 5 },
  );
  const { response } = await open(await listening(app), chat({ stream: true }));
  response.setEncoding('utf8');
  let body = '';
  for await (const chunk of response) {
    body += chunk;
    gate.resolve();
  }
  t.ok(body.startsWith(': keep-alive\n\n'));
  t.ok(body.endsWith('data: [DONE]\n\n'));
});

t.test('a client that hangs up stops the generation', async (t) => {
  for (const stream of [true, false]) {
    const ended = deferred();
    const begun = deferred();
    const { app, backend, log } = testApp(
      t,
      scriptedBackend(async function* (_request, signal) {
        try {
          yield start;
          yield text('Hello');
          begun.resolve();
          await aborted(signal);
        } finally {
          ended.resolve();
        }
      }),
    );
    const base = await listening(app);
    const client = new AbortController();
    const answer = fetch(`${base}${url}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chat({ stream })),
      signal: client.signal,
    }).then((response) => response.text());
    await begun.promise;
    client.abort();
    await t.rejects(answer);
    await ended.promise;
    t.ok(backend.signals[0]?.aborted);
    await app.close();
    t.equal(backend.open, 0);
    t.match(
      log.filter(({ msg }) => msg === 'request'),
      [{ status: 499, route: url, prompt_tokens: 1 }],
    );
    t.notOk(
      log.some(({ level }) => Number(level) >= 50),
      'a client that leaves is no error of the server',
    );
  }
});

t.test('a slow reader is waited for, not buffered', async (t) => {
  const piece = 'x'.repeat(16 * 1024);
  const pieces = 2000;
  let pulled = 0;
  const { app } = testApp(
    t,
    scriptedBackend(async function* () {
      yield start;
      for (; pulled < pieces; pulled += 1) yield text(piece);
      yield finish;
      yield done;
    }),
  );
  const { response } = await open(await listening(app), chat({ stream: true }));
  // Nothing is read; wait until the server has stopped pulling: the same count over many turns of the event loop.
  let before = -1;
  while (pulled !== before) {
    before = pulled;
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  }
  t.ok(pulled < pieces / 2, `pulled ${pulled} of ${pieces} pieces with nobody reading`);
  let bytes = 0;
  for await (const chunk of response) bytes += chunk.length;
  t.equal(pulled, pieces);
  t.ok(bytes > pieces * piece.length, 'everything arrives once it is read');
});

t.test('a stalled client that hangs up frees its generation', async (t) => {
  const ended = deferred();
  const { app, backend } = testApp(
    t,
    scriptedBackend(async function* (_request, signal) {
      try {
        yield start;
        while (!signal.aborted) yield text('x'.repeat(64 * 1024));
      } finally {
        ended.resolve();
      }
    }),
  );
  const { request } = await open(await listening(app), chat({ stream: true }));
  request.destroy();
  await ended.promise;
  await new Promise(setImmediate);
  t.equal(backend.open, 0);
});

t.test('a client that takes nothing for too long loses its connection, and its generation ends', async (t) => {
  const ended = deferred();
  const script: Script = async function* (_request, signal) {
    try {
      yield start;
      while (!signal.aborted) yield text('x'.repeat(64 * 1024));
    } finally {
      ended.resolve();
    }
  };
  const { app, backend, log } = testApp(t, scriptedBackend(script), { stallMs: 50 });
  const { response } = await open(await listening(app), chat({ stream: true }));
  await ended.promise;
  await t.rejects(response.toArray(), { code: 'ECONNRESET' });
  t.equal(backend.open, 0);
  t.match(
    log.filter(({ route }) => route === url),
    [{ error: 'client_stalled' }],
  );
});
