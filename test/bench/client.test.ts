import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { streamed } from './client.ts';

/** A server that answers each request with these events, cut in the middle of a line. */
async function answering(t: Test, status: number, body: string): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status);
    response.write(body.slice(0, 20));
    setImmediate(() => response.end(body.slice(20)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const events = (...chunks: unknown[]) => `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;
const said = (content: string) => ({ choices: [{ delta: { content } }] });

t.test('text is put together, tokens are those that the server counts', async (t) => {
  const usage = { prompt_tokens: 9, completion_tokens: 3 };
  const url = await answering(t, 200, events(said(''), said('a'), said('bc'), { choices: [], usage }));
  const answer = await streamed(url, {});
  t.match(answer, { text: 'abc', tokens: 3, promptTokens: 9 });
  t.equal(answer.gapsMs.length, 1);
  t.ok(answer.firstTokenMs > 0);
});

t.test('without usage each piece of text counts as a token', async (t) => {
  t.match(await streamed(await answering(t, 200, events(said('a'), said('b'))), {}), { tokens: 2, promptTokens: null });
});

t.test('a refusal and an error in the middle are thrown', async (t) => {
  await t.rejects(streamed(await answering(t, 400, 'no such model, and a few words more'), {}), /HTTP 400: no such model/);
  await t.rejects(streamed(await answering(t, 200, events(said('a'), { error: { message: 'out of memory' } })), {}), /out of memory/);
});
