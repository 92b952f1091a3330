import { createServer } from 'node:http';
import t from 'tap';
import { chat, deferred, listening, testApp } from '../app-helper.ts';

t.test('a client that hangs up ends the fetch of its image', async (t) => {
  const fetched = deferred();
  const abandoned = deferred();
  // Takes the request for the image and never answers it.
  const host = createServer((_request, response) => {
    response.on('close', () => abandoned.resolve());
    fetched.resolve();
  });
  t.teardown(() => host.close());
  const address = await new Promise<string>((resolve) => {
    host.listen(0, '127.0.0.1', () => {
      const bound = host.address();
      resolve(typeof bound === 'object' && bound !== null ? `http://127.0.0.1:${bound.port}/picture.png` : '');
    });
  });

  const { app, backend, log } = testApp(t, undefined, { images: { allowPrivateNetworks: true, fetchTimeoutMs: 3_600_000 } });
  const client = new AbortController();
  const answer = fetch(`${await listening(app)}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(chat({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: address } }] }] })),
    signal: client.signal,
  });
  await fetched.promise;
  client.abort();
  await t.rejects(answer);
  await abandoned.promise;
  await app.close();
  t.equal(backend.requests.length, 0);
  t.match(
    log.filter(({ msg }) => msg === 'request'),
    [{ status: 499 }],
  );
  t.notOk(
    log.some(({ level }) => Number(level) >= 50),
    'a client that leaves is no error of the server',
  );
});
