import t from 'tap';
import { chat, listening, testApp } from '../app-helper.ts';

const path = '/v1/chat/completions';
const ppm = (...rgb: number[]) =>
  new Blob([Buffer.concat([Buffer.from('P6 1 1 255\n'), Buffer.from(rgb)])], { type: 'image/x-portable-pixmap' });
const asking = (...names: string[]) =>
  chat({ messages: [{ role: 'user', content: names.map((name) => ({ type: 'image_url', image_url: { url: `attachment://${name}` } })) }] });

async function post(
  base: string,
  parts: readonly (readonly [string, string | Blob, string?])[],
): Promise<{ status: number; body: { error?: object } }> {
  const form = new FormData();
  for (const [name, value, filename] of parts) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value, filename);
  }
  const response = await fetch(`${base}${path}`, { method: 'POST', body: form });
  return { status: response.status, body: (await response.json()) as { error?: object } };
}

t.test('images by part name and by file name', async (t) => {
  const { app, backend } = testApp(t);
  const base = await listening(app);
  const { status, body } = await post(base, [
    ['request', JSON.stringify(asking('second.ppm', 'first'))],
    ['first', ppm(255, 0, 0), 'first.ppm'],
    ['other', ppm(0, 0, 255), 'second.ppm'],
  ]);
  t.equal(status, 200, JSON.stringify(body));
  const { prompt } = backend.requests[0]!;
  t.strictSame(prompt.kind === 'chat' && prompt.messages[0]?.content.map((part) => part.type === 'image' && [...(part.image.data ?? [])]), [
    [0, 0, 255],
    [255, 0, 0],
  ]);
});

t.test('the JSON may be a field or a file, be named payload, and come last', async (t) => {
  const { app } = testApp(t);
  const base = await listening(app);
  const json = JSON.stringify(asking('a'));
  t.equal(
    (
      await post(base, [
        ['a', ppm(1, 2, 3), 'a.ppm'],
        ['payload', json],
      ])
    ).status,
    200,
  );
  t.equal(
    (
      await post(base, [
        ['request', new Blob([json], { type: 'application/json' })],
        ['a', ppm(1, 2, 3), 'a.ppm'],
      ])
    ).status,
    200,
  );
  const boundary = 'xyz';
  const raw = [
    `--${boundary}`,
    'content-disposition: form-data; name="request"',
    'content-type: application/json',
    '',
    JSON.stringify(chat()),
    `--${boundary}--`,
    '',
  ].join('\r\n');
  const response = await fetch(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: raw,
  });
  t.equal(response.status, 200, await response.text());
});

t.test('a picture may come without a file name', async (t) => {
  const { app, backend } = testApp(t);
  const part = (head: string, content: string | Buffer) =>
    Buffer.concat([Buffer.from(`--xyz\r\ncontent-disposition: form-data; ${head}\r\n\r\n`), Buffer.from(content), Buffer.from('\r\n')]);
  const payload = Buffer.concat([
    part('name="p"', Buffer.concat([Buffer.from('P6 1 1 255\n'), Buffer.from([255, 200, 0])])),
    part('name="request"', JSON.stringify(asking('p'))),
    part('filename="nameless"', 'ignored'),
    Buffer.from('--xyz--\r\n'),
  ]);
  const headers = { 'content-type': 'multipart/form-data; boundary=xyz' };
  const response = await app.inject({ method: 'POST', url: path, headers, payload });
  t.equal(response.statusCode, 200, response.body);
  const { prompt } = backend.requests[0]!;
  t.strictSame(prompt.kind === 'chat' && prompt.messages[0]?.content.map((each) => each.type === 'image' && [...(each.image.data ?? [])]), [
    [255, 200, 0],
  ]);
});

t.test('wrong forms', async (t) => {
  const { app } = testApp(t);
  const base = await listening(app);
  const wrong: readonly (readonly [string, Parameters<typeof post>[1], number, string])[] = [
    ['no JSON part', [['a', ppm(1, 2, 3), 'a.ppm']], 400, 'invalid_multipart'],
    [
      'two JSON parts',
      [
        ['request', JSON.stringify(chat())],
        ['payload', JSON.stringify(chat())],
      ],
      400,
      'invalid_multipart',
    ],
    ['broken JSON', [['request', '{']], 400, 'invalid_json'],
    ['broken JSON in a file', [['request', new Blob(['{'], { type: 'application/json' })]], 400, 'invalid_json'],
    ['JSON that is no UTF-8', [['request', new Blob([Buffer.from(JSON.stringify(chat({ user: 'é' })), 'latin1')])]], 400, 'invalid_json'],
    ['a body that breaks the schema', [['request', JSON.stringify(chat({ n: 0 }))]], 400, 'integer_below_min_value'],
    [
      'two files of one name',
      [
        ['request', JSON.stringify(chat())],
        ['a', ppm(1, 2, 3), 'x'],
        ['a', ppm(3, 2, 1), 'y'],
      ],
      400,
      'invalid_multipart',
    ],
    [
      'too many files',
      [['request', JSON.stringify(chat())], ...Array.from({ length: 60 }, (_, i) => [`f${i}`, ppm(i, 0, 0), `f${i}.ppm`] as const)],
      400,
      'too_many_images',
    ],
    [
      'one file too large',
      [
        ['request', JSON.stringify(chat())],
        ['a', new Blob([new Uint8Array(17 * 1024 * 1024)]), 'a'],
      ],
      413,
      'request_too_large',
    ],
    [
      'files too large together',
      [
        ['request', JSON.stringify(chat())],
        ...[1, 2, 3].map((i) => [`f${i}`, new Blob([new Uint8Array(6 * 1024 * 1024)]), `f${i}`] as const),
      ],
      413,
      'request_too_large',
    ],
  ];
  for (const [what, parts, status, code] of wrong) {
    const answer = await post(base, parts);
    t.equal(answer.status, status, what);
    t.match(answer.body, { error: { type: 'invalid_request_error', code } }, what);
    // fetch keeps its connections: a form that was not read to its end must not block the next request.
    t.equal((await post(base, [['request', JSON.stringify(chat())]])).status, 200);
  }
});

t.test('a form that breaks off', async (t) => {
  const { app } = testApp(t);
  const payload = '--x\r\ncontent-disposition: form-data; name="request"\r\n\r\n{"mod';
  const response = await app.inject({ method: 'POST', url: path, headers: { 'content-type': 'multipart/form-data; boundary=x' }, payload });
  t.equal(response.statusCode, 400);
  t.match(response.json(), { error: { type: 'invalid_request_error' } });
});

t.test('files that share a file name are told apart by their part names', async (t) => {
  const { app, backend } = testApp(t);
  const base = await listening(app);
  const { status, body } = await post(base, [
    ['request', JSON.stringify(asking('left', 'right'))],
    ['left', ppm(255, 0, 0)],
    ['right', ppm(0, 0, 255)],
  ]);
  t.equal(status, 200, JSON.stringify(body));
  const { prompt } = backend.requests[0]!;
  t.strictSame(prompt.kind === 'chat' && prompt.messages[0]?.content.map((part) => part.type === 'image' && [...(part.image.data ?? [])]), [
    [255, 0, 0],
    [0, 0, 255],
  ]);
});

t.test('the JSON is read as that of a request without a form', async (t) => {
  const { app } = testApp(t);
  const base = await listening(app);
  const marked = new Blob([`\ufeff${JSON.stringify(chat())}`], { type: 'application/json' });
  t.equal((await post(base, [['request', marked]])).status, 200, 'a byte order mark is no part of it');
  const { status, body } = await post(base, [['request', JSON.stringify(chat()).replace('{', '{"__proto__": {"a": 1}, ')]]);
  t.equal(status, 400);
  t.match(body, { error: { code: 'invalid_json', message: 'The part "request" of the form is not valid JSON.' } });
});
