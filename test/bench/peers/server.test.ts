import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { freePort } from '../../tools/server.ts';
import type { Launch } from './peer.ts';
import { PeerServer } from './server.ts';

const launching = (script: string, port: number): Launch => ({
  command: process.execPath,
  args: ['-e', script, String(port)],
  readyPath: '/ready',
  model: 'm',
});

t.test('a server is waited for, held still, and ended', async (t) => {
  const port = await freePort();
  const script = `
    const ready = Date.now() + 60;
    require('node:http').createServer((request, response) => {
      response.statusCode = Date.now() < ready ? 503 : 200;
      response.end('hello');
    }).listen(process.argv[1]);`;
  const server = await PeerServer.start(launching(script, port), port, join(t.testdir(), 'log'));
  server.pause();
  const answer = fetch(server.url).then((response) => response.text());
  t.equal(await Promise.race([answer, delay(100, 'nothing')]), 'nothing');
  server.resume();
  t.equal(await answer, 'hello');
  await server.stop();
  await t.rejects(fetch(server.url));
});

t.test('a server that ends before it is ready is an error that names its log', async (t) => {
  const port = await freePort();
  const log = join(t.testdir(), 'log');
  await t.rejects(PeerServer.start(launching('console.log("no such model"); process.exit(3)', port), port, log), {
    message: /ended before .*log/,
  });
  t.match(await readFile(log, 'utf8'), 'no such model');
  await t.rejects(PeerServer.start({ ...launching('', port), command: '/no/such/program' }, port, log), /ended before/);
});
