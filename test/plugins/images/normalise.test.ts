/** References of a request become pixels in their order, within the limits of a request. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { fastify } from 'fastify';
import t from 'tap';
import { base64Of, decodeBase64 } from '../../../plugins/images/data-uri.ts';
import { InvalidImageUrl } from '../../../plugins/images/errors.ts';
import { Gate } from '../../../plugins/images/gate.ts';
import images, { type ImagePluginOptions } from '../../../plugins/images/index.ts';
import { imageDefaults } from '../../../plugins/images/options.ts';

const cases: { name: string; bytes: string; pixels: string }[] = JSON.parse(
  await readFile(join(import.meta.dirname, '../../fixtures/images/cases.json'), 'utf8'),
);
const fixture = (name: string) => cases.find((c) => c.name === name)!;
const png = fixture('png rgb');
const never = new AbortController().signal;

async function normaliser(t: { teardown(fn: () => unknown): void }, options: ImagePluginOptions = {}) {
  const app = fastify();
  t.teardown(() => app.close());
  await app.register(images, options);
  return (urls: string[], attachments: Record<string, Uint8Array> = {}, signal = never) =>
    app.images.normalise(
      urls.map((url, i) => ({ url, param: `images[${i}]` })),
      { attachments: new Map(Object.entries(attachments)), signal },
    );
}

t.test('data URIs, attachments and URLs, in their order', async (t) => {
  const server = createServer((_, response) => response.end(Buffer.from(fixture('gif').bytes, 'base64')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const normalise = await normaliser(t, { allowPrivateNetworks: true });
  const attachments = { 'a b.jpg': Buffer.from(fixture('jpeg').bytes, 'base64') };
  // The declared type is not looked at.
  const result = await normalise(
    [url, `data:image/jpeg;base64,${png.bytes}`, 'attachment://a%20b.jpg', 'attachment://a b.jpg'],
    attachments,
  );
  t.same(
    result.map(({ width, height }) => [width, height]),
    Array(4).fill([13, 9]),
  );
  t.equal(Buffer.from(result[0]!.data).toString('base64'), fixture('gif').pixels);
  t.equal(Buffer.from(result[1]!.data).toString('base64'), png.pixels);
  t.equal(result[2]!.hash, result[3]!.hash);
  t.same(await normalise([]), []);
});

t.test('limits of a request', async (t) => {
  const uri = `data:image/png;base64,${png.bytes}`;
  const few = await normaliser(t, { maxImages: 2, maxBase64Bytes: png.bytes.length * 2 });
  t.equal((await few([uri, uri])).length, 2);
  await t.rejects(few(['x', 'y', 'z']), {
    code: 'too_many_images',
    param: 'images[2]',
    message: 'The request has 3 images; at most 2 are allowed.',
  });
  const tight = await normaliser(t, { maxBase64Bytes: png.bytes.length * 2 - 1 });
  await t.rejects(tight([uri, uri]), { code: 'image_too_large', status: 413, param: 'images[1]' });
  const small = await normaliser(t, { maxPixels: 13 * 9 - 1 });
  await t.rejects(small([uri]), { code: 'image_too_large', status: 400, param: 'images[0]' });
  const together = await normaliser(t, { maxTotalPixels: 13 * 9 * 2 });
  t.equal((await together([uri, uri])).length, 2);
  await t.rejects(together([uri, uri, uri]), { code: 'image_too_large', status: 400, message: /together/ });
  t.match(imageDefaults, {
    maxImages: 30,
    maxBase64Bytes: 10 * 1024 * 1024,
    maxFetchBytes: 5 * 1024 * 1024,
    fetchTimeoutMs: 5000,
    maxRedirects: 3,
    maxPixels: 40e6,
  });
});

t.test('what cannot be read is refused by name', async (t) => {
  const normalise = await normaliser(t);
  const refused: [string, string][] = [
    ['data:image/png,notbase64', 'invalid_image_url'],
    ['data:image/png;base64,', 'invalid_image_url'],
    ['data:image/png;base64,####', 'invalid_image_url'],
    ['data:image/png;base64,aGVsbG8=', 'unsupported_image_format'],
    [`data:image/png;base64,${Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')}`, 'unsupported_image_format'],
    [`data:image/png;base64,${png.bytes.slice(0, 80)}`, 'invalid_image'],
    ['attachment://missing', 'invalid_image_url'],
    ['attachment://', 'invalid_image_url'],
    ['file:///etc/passwd', 'invalid_image_url'],
    ['', 'invalid_image_url'],
    ['http://127.0.0.1/', 'image_url_not_allowed'],
    ['http://169.254.169.254/latest/meta-data', 'image_url_not_allowed'],
  ];
  for (const [url, code] of refused) await t.rejects(normalise([`data:;base64,${png.bytes}`, url]), { code, param: 'images[1]' }, url);
});

t.test('one failure, or a caller that leaves, ends all', async (t) => {
  let open = 0;
  const server = createServer((request) => {
    open++;
    request.socket.on('close', () => open--);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const silent = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const normalise = await normaliser(t, { allowPrivateNetworks: true });
  const begin = performance.now();
  await t.rejects(normalise([silent, silent, 'data:;base64,aGVsbG8=']), { code: 'unsupported_image_format', param: 'images[2]' });
  const leave = new AbortController();
  const left = normalise([silent, silent], {}, leave.signal);
  server.once('request', () => leave.abort(new Error('client left')));
  await t.rejects(left, /client left/);
  t.ok(performance.now() - begin < imageDefaults.fetchTimeoutMs, 'without waiting for the others');
  await t.rejects(normalise([silent], {}, AbortSignal.abort(new Error('gone'))), /gone/);
});

t.test('base64 is decoded as written, or refused', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.constantFrom('base64', 'base64url' as const), (bytes, encoding) => {
      const text = Buffer.from(bytes).toString(encoding as BufferEncoding);
      const uri = `data:image/png;charset=x;base64,${text}`;
      t.same(Buffer.from(decodeBase64(base64Of(uri)!, null)), Buffer.from(bytes));
      t.same(Buffer.from(decodeBase64(encodeURIComponent(text), null)), Buffer.from(bytes));
      t.same(Buffer.from(decodeBase64(text.replace(/(.{7})/g, '$1\r\n '), null)), Buffer.from(bytes));
    }),
    { numRuns: 50 },
  );
  for (const wrong of ['', '=', '====', 'a', 'abcde', 'ab$d', 'ab=d', 'äöü=', '%', '%zz', '%ff'])
    t.throws(() => decodeBase64(wrong, null), InvalidImageUrl, wrong);
  for (const other of ['http://x/;base64,abcd', 'data:image/png;base64', 'data:,base64', 'data:;base64x,abcd'])
    t.equal(base64Of(other), null, other);
});

t.test('a gate lets only so many through, in order', async (t) => {
  const gate = new Gate(2);
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const task = (name: string) => () => {
    log.push(name);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  const leave = new AbortController();
  const all = [gate.run(task('a'), never), gate.run(task('b'), never), gate.run(task('c'), leave.signal), gate.run(task('d'), never)];
  const left = t.rejects(all[2]!, /left/);
  t.same(log, ['a', 'b']);
  leave.abort(new Error('left'));
  ends[0]!();
  await all[0];
  await left;
  await new Promise((resolve) => setImmediate(resolve));
  t.same(log, ['a', 'b', 'd'], 'one that has left is passed over');
  ends[1]!();
  ends[2]!();
  await Promise.all([all[1], all[3]]);
});
