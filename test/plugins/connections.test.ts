/** Closing waits for answers, not for connections. */
import { connect } from 'node:net';
import t from 'tap';
import { chat, deferred, listening, testApp } from '../app-helper.ts';
import { saying, scriptedBackend } from '../scripted-backend.ts';

t.test('a connection that was opened in advance does not hold up closing, an answer under way does', async (t) => {
  const gate = deferred();
  const begun = deferred();
  const script = saying('Hello world');
  const backend = scriptedBackend(async function* (request, signal) {
    begun.resolve();
    await gate.promise;
    yield* script(request, signal);
  });
  const { app } = testApp(t, backend);
  const url = await listening(app);
  const silent = connect(Number(new URL(url).port), '127.0.0.1');
  const silentClosed = new Promise((resolve) => silent.once('close', resolve));
  silent.on('error', () => {});
  await new Promise((resolve) => silent.once('connect', resolve));
  const answer = fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(chat()),
  });
  await begun.promise;
  const closed = app.close();
  await silentClosed;
  gate.resolve();
  t.match(await (await answer).json(), { choices: [{ message: { content: 'Hello world' } }] });
  await closed;
});
