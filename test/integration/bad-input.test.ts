/** Bad input against the real engine: each is a 4xx with OpenAI's error object, and the next request is answered as before. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../server/package-root.ts';
import { startServer, type TestServer } from '../helper.ts';

const picture = await readFile(join(packageRoot, 'test', 'fixtures', 'pictures', 'circle-and-square.png'));
const dataUri = (bytes: Uint8Array, type = 'image/png') => `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
const image = (url: unknown) => ({ type: 'image_url', image_url: { url } });
const user = (...content: object[]) => [{ role: 'user', content }];
const hello = [{ role: 'user', content: 'Hello' }];
const maxModelLen = 256;

/** What is wrong, the path, the body without `model`, and the expected status, code and field. */
const cases: readonly [string, 'chat/completions' | 'completions', object, number, string | null, string | null][] = [
  ['broken base64', 'chat/completions', { messages: user(image('data:image/png;base64,@@@@')) }, 400, null, null],
  ['no picture at all', 'chat/completions', { messages: user(image(dataUri(Buffer.from('hello')))) }, 400, null, null],
  ['a truncated picture', 'chat/completions', { messages: user(image(dataUri(picture.subarray(0, 700)))) }, 400, null, null],
  ['an empty picture', 'chat/completions', { messages: user(image('data:image/png;base64,')) }, 400, null, null],
  [
    'an SVG',
    'chat/completions',
    { messages: user(image(dataUri(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')))) },
    400,
    null,
    null,
  ],
  ['a URL that is none', 'chat/completions', { messages: user(image('nonsense')) }, 400, null, null],
  ['a URL of the wrong type', 'chat/completions', { messages: user(image(7)) }, 400, null, null],
  ['a private address', 'chat/completions', { messages: user(image('http://127.0.0.1:1/a.png')) }, 400, 'image_url_not_allowed', null],
  ['an attachment that is not there', 'chat/completions', { messages: user(image('attachment://none')) }, 400, null, null],
  [
    'too many pictures',
    'chat/completions',
    { messages: user(...Array.from({ length: 31 }, () => image(dataUri(picture)))) },
    400,
    'too_many_images',
    null,
  ],
  ['temperature too high', 'chat/completions', { messages: hello, temperature: 2.1 }, 400, null, 'temperature'],
  ['temperature below zero', 'chat/completions', { messages: hello, temperature: -0.1 }, 400, null, 'temperature'],
  ['n of 0', 'chat/completions', { messages: hello, n: 0 }, 400, null, 'n'],
  ['no messages', 'chat/completions', { messages: [] }, 400, null, 'messages'],
  ['an unknown role', 'chat/completions', { messages: [{ role: 'wizard', content: 'Hi' }] }, 400, null, null],
  ['messages of the wrong type', 'chat/completions', { messages: 'Hi' }, 400, null, 'messages'],
  [
    'a prompt past the context',
    'chat/completions',
    { messages: [{ role: 'user', content: 'word '.repeat(4000) }] },
    400,
    'context_length_exceeded',
    'messages',
  ],
  ['an answer past the context', 'completions', { prompt: 'Hi', max_tokens: maxModelLen }, 400, 'context_length_exceeded', 'prompt'],
  ['more pictures than placeholders', 'completions', { prompt: 'Hi', images: [dataUri(picture)] }, 400, 'image_count_mismatch', null],
  [
    'fewer pictures than placeholders',
    'completions',
    { prompt: '<image> <image> Hi', images: [dataUri(picture)] },
    400,
    'image_count_mismatch',
    null,
  ],
  ['a token id past the vocabulary', 'completions', { prompt: [1, 2_000_000] }, 400, null, 'prompt'],
  ['an empty list of prompts', 'completions', { prompt: [] }, 400, null, 'prompt'],
];

async function post(
  { baseURL, model }: TestServer,
  path: string,
  body: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${baseURL}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, ...body }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

t.test('bad input is refused and leaves the engine as it was', async (t) => {
  const server = await startServer({
    checkpoint: join(packageRoot, 'test', 'fixtures', 'checkpoints', 'gqa-tied'),
    maxModelLen,
    maxNumSeqs: 4,
  });
  t.teardown(() => server.close());
  const good = { temperature: 0, max_tokens: 8, messages: user(image(dataUri(picture)), { type: 'text', text: 'What is this?' }) };
  const said = async () => (await post(server, 'chat/completions', good)).body['choices'];
  const expected = await said();
  t.ok(expected);
  for (const [what, path, body, status, code, param] of cases) {
    const answer = await post(server, path, body);
    t.equal(answer.status, status, what);
    const error = answer.body['error'] as Record<string, unknown>;
    t.match(error, { type: 'invalid_request_error', message: /\S/ }, `${what}: the error object`);
    t.strictSame(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
    if (code !== null) t.equal(error['code'], code, `${what}: its code`);
    if (param !== null) t.equal(error['param'], param, `${what}: the field`);
    t.strictSame(await said(), expected, `${what}: the next request is answered right`);
  }
  const { running, waiting, freeSlots, slots } = server.backend.stats();
  t.strictSame({ running, waiting, freeSlots }, { running: 0, waiting: 0, freeSlots: slots });
});
