/** Images are fetched from public addresses only, within limits of time, size and redirects, whatever a URL or server tries. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { isAllowedHost, isPublicAddress } from '../../../plugins/images/address.ts';
import { ImageFetchFailed, ImageFetchTimeout, ImageTooLarge, ImageUrlNotAllowed, InvalidImageUrl } from '../../../plugins/images/errors.ts';
import { type FetchOptions, fetchImage } from '../../../plugins/images/fetch.ts';
import { imageDefaults } from '../../../plugins/images/options.ts';

const never = new AbortController().signal;
const open: FetchOptions = { ...imageDefaults, allowPrivateNetworks: true };
type Tap = { teardown(fn: () => void | Promise<void>): void };

/** A server on 127.0.0.1; the handlers are found by path. */
async function serve(
  t: Tap,
  handlers: Record<string, (request: IncomingMessage, response: ServerResponse) => void>,
): Promise<{ url: string; port: number; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const handler = handlers[request.url ?? ''];
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}

const redirectTo = (location: string) => (_: IncomingMessage, response: ServerResponse) =>
  response.writeHead(302, { location }).end('moved');

t.test('only public addresses are public', async (t) => {
  const refused = [
    '0.0.0.0',
    '0.1.2.3',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::8.8.8.8',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:0:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2001:20::1',
    '2002:7f00:1::',
    '3fff::1',
    '4000::1',
    '5f00::1',
    'fc00::1',
    'fd12::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '',
    'localhost',
    '1.2.3',
    'not an address',
  ];
  for (const address of refused) t.notOk(isPublicAddress(address), address);
  for (const address of ['8.8.8.8', '1.1.1.1', '100.63.255.255', '172.32.0.1', '2606:4700::1111', '2a00:1450::1'])
    t.ok(isPublicAddress(address), address);
});

t.test('hosts may be limited', async (t) => {
  const allowed = ['example.com', '*.images.test'];
  for (const host of ['example.com', 'EXAMPLE.com', 'example.com.', 'a.images.test', 'a.b.images.test'])
    t.ok(isAllowedHost(host, allowed), host);
  for (const host of ['www.example.com', 'example.com.evil.test', 'images.test', 'evilimages.test', 'notexample.com'])
    t.notOk(isAllowedHost(host, allowed), host);
});

t.test('no spelling of a private address is ever connected to', async (t) => {
  let connections = 0;
  const canary = createTcpServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => canary.listen(0, '::', resolve));
  t.teardown(() => void canary.close());
  const { port } = canary.address() as AddressInfo;
  const spellings = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '0',
    '0.0.0.0',
    '127.000.000.001',
    '127。0。0。1',
    '①②⑦.0.0.1',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '%31%32%37.0.0.1',
  ];
  for (const spelling of spellings) {
    await t.rejects(
      fetchImage(`http://${spelling}:${port}/`, imageDefaults, 'p', never),
      { code: 'image_url_not_allowed', param: 'p' },
      spelling,
    );
  }
  // Names that resolve to such addresses, among public ones, too.
  for (const addresses of [['127.0.0.1'], ['::1'], ['8.8.8.8', '127.0.0.1'], ['10.0.0.1'], ['::ffff:7f00:1']]) {
    const resolve = async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    await t.rejects(
      fetchImage(`http://images.example:${port}/`, { ...imageDefaults, resolve }, null, never),
      ImageUrlNotAllowed,
      `a name for ${addresses}`,
    );
  }
  await t.rejects(
    fetchImage(`http://localhost:${port}/`, imageDefaults, null, never),
    ImageUrlNotAllowed,
    'localhost by the system resolver',
  );
  t.equal(connections, 0);
});

t.test('what was judged is what is connected to, and each redirect is judged anew', async (t) => {
  const { url, port, requests } = await serve(t, {
    '/image': (request, response) => {
      t.equal(request.headers.host, `images.example:${port}`, 'the server sees the name');
      t.equal(request.headers['accept-encoding'], 'identity');
      response.end('bytes');
    },
    '/to-private': redirectTo('http://internal.example/'),
    '/to-literal': redirectTo('http://[::1]:1/'),
    '/to-file': redirectTo('file:///etc/passwd'),
    '/to-secret': redirectTo('http://user:password@images.example/'),
    '/to-nothing': redirectTo('http://'),
  });
  const lookups: string[] = [];
  const resolve = async (hostname: string) => {
    lookups.push(hostname);
    // A second look-up of the same name would get an address that is not allowed.
    const address = hostname === 'images.example' && lookups.filter((name) => name === hostname).length === 1 ? '127.0.0.1' : '10.0.0.1';
    return [{ address, family: 4 }];
  };
  const options: FetchOptions = { ...imageDefaults, resolve, isAllowedAddress: (address) => address === '127.0.0.1' };
  t.equal(Buffer.from(await fetchImage(`http://images.example:${port}/image`, options, null, never)).toString(), 'bytes');
  t.same(lookups, ['images.example'], 'one look-up');
  const literal: FetchOptions = { ...options, isAllowedAddress: (address) => address === '127.0.0.1' };
  await t.rejects(fetchImage(`${url}/to-private`, literal, null, never), ImageUrlNotAllowed);
  await t.rejects(fetchImage(`${url}/to-literal`, literal, null, never), ImageUrlNotAllowed);
  for (const path of ['/to-file', '/to-secret', '/to-nothing'])
    await t.rejects(fetchImage(url + path, literal, null, never), ImageFetchFailed, path);
  await t.rejects(
    fetchImage(`${url}/image`, { ...literal, allowedHosts: ['example.com'] }, null, never),
    ImageUrlNotAllowed,
    'host not on the list',
  );
  t.equal(requests.length, 6);
});

t.test('redirects are followed, but not for ever', async (t) => {
  const { url } = await serve(t, {
    '/1': redirectTo('/2'),
    '/2': redirectTo('3'),
    '/3': redirectTo('/end'),
    '/0': redirectTo('/1'),
    '/loop': redirectTo('/loop'),
    '/end': (_, response) => response.end('here'),
  });
  t.equal(Buffer.from(await fetchImage(`${url}/1`, open, null, never)).toString(), 'here');
  await t.rejects(fetchImage(`${url}/0`, open, null, never), { code: 'image_fetch_failed', message: /more than 3 redirects/ });
  await t.rejects(fetchImage(`${url}/loop`, open, null, never), ImageFetchFailed);
});

t.test('the number of bytes is limited, as sent and as decompressed', async (t) => {
  const { url } = await serve(t, {
    '/exact': (_, response) => response.end(Buffer.alloc(1000)),
    '/declared': (_, response) => response.writeHead(200, { 'content-length': 1001 }).flushHeaders(),
    '/endless': (_, response) => {
      const more = setInterval(() => response.write(Buffer.alloc(500)), 1);
      response.on('close', () => clearInterval(more));
    },
    '/zip': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1000))),
    '/bomb': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1e7))),
    '/odd': (_, response) => response.writeHead(200, { 'content-encoding': 'x-odd' }).end('?'),
    '/damaged': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
  });
  const options = { ...open, maxFetchBytes: 1000 };
  t.equal((await fetchImage(`${url}/exact`, options, null, never)).length, 1000);
  t.equal((await fetchImage(`${url}/zip`, options, null, never)).length, 1000);
  for (const path of ['/declared', '/endless', '/bomb'])
    await t.rejects(fetchImage(url + path, options, 'p', never), { code: 'image_too_large', status: 400 }, path);
  for (const path of ['/odd', '/damaged']) await t.rejects(fetchImage(url + path, options, null, never), ImageFetchFailed, path);
  await t.rejects(fetchImage(`${url}/bomb`, options, null, never), ImageTooLarge);
});

t.test('time is limited as a whole', async (t) => {
  const silent = () => {};
  const { url } = await serve(t, {
    '/silent': silent,
    '/slow': (_, response) => {
      const more = setInterval(() => response.write('.'), 5);
      response.on('close', () => clearInterval(more));
    },
  });
  const options = { ...open, fetchTimeoutMs: 60 };
  for (const path of ['/silent', '/slow'])
    await t.rejects(fetchImage(url + path, options, 'p', never), { code: 'image_fetch_timeout', message: /within 0.06 s/ }, path);
  const resolve = () => new Promise<never>(silent);
  await t.rejects(fetchImage('http://slow.example/', { ...options, resolve }, null, never), ImageFetchTimeout, 'a slow resolver');
});

t.test('a caller that leaves ends the fetch with its own reason', async (t) => {
  const leave = new AbortController();
  const { url } = await serve(t, { '/silent': () => leave.abort(new Error('client left')) });
  await t.rejects(fetchImage(`${url}/silent`, open, null, leave.signal), /client left/);
  await t.rejects(fetchImage(`${url}/silent`, open, null, AbortSignal.abort(new Error('long gone'))), /long gone/);
});

t.test('servers that do not give an image', async (t) => {
  const { url, port } = await serve(t, {
    '/error': (_, response) => response.writeHead(500).end('secret details'),
    '/broken': (_, response) => response.writeHead(200, { 'content-length': 50 }).write('x', () => response.destroy()),
  });
  await t.rejects(fetchImage(`${url}/missing`, open, null, never), { code: 'image_fetch_failed', message: /status 404/ });
  await t.rejects(fetchImage(`${url}/error`, open, null, never), {
    message: /^The image could not be fetched: the server answered with status 500\.$/,
  });
  await t.rejects(fetchImage(`${url}/broken`, open, null, never), ImageFetchFailed);
  await t.rejects(fetchImage(`https://127.0.0.1:${port}/`, open, null, never), ImageFetchFailed, 'not TLS');
  await t.rejects(
    fetchImage(
      'http://nowhere.invalid/',
      {
        ...open,
        resolve: async () => {
          throw new Error('ENOTFOUND');
        },
      },
      null,
      never,
    ),
    ImageFetchFailed,
  );
  await t.rejects(fetchImage('http://empty.example/', { ...open, resolve: async () => [] }, null, never), ImageFetchFailed);
  for (const wrong of [
    '',
    'http://',
    'ftp://example.com/x',
    'file:///etc/passwd',
    '/etc/passwd',
    'javascript:1',
    'http://user@example.com/',
    'http://u:p@example.com/',
  ]) {
    await t.rejects(fetchImage(wrong, open, 'p', never), InvalidImageUrl, JSON.stringify(wrong));
  }
});
