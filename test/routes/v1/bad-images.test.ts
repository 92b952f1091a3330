import sharp from 'sharp';
import t from 'tap';
import { chat, testApp } from '../../app-helper.ts';

const dataUri = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;

t.test('bad images are 4xx with the field that holds them, and the next request is answered right', async (t) => {
  const { app, backend } = testApp(t);
  const png = await sharp({
    create: { width: 64, height: 64, channels: 3, background: 'red', noise: { type: 'gaussian', mean: 128, sigma: 30 } },
  })
    .png()
    .toBuffer();
  const asking = (...urls: unknown[]) =>
    chat({ messages: [{ role: 'user', content: urls.map((url) => ({ type: 'image_url', image_url: { url } })) }] });
  const bad: readonly (readonly [string, object, number, string | RegExp])[] = [
    ['bytes that are no image', asking(dataUri(Buffer.from('no image at all'))), 400, /./],
    ['a truncated image', asking(dataUri(png.subarray(0, png.length / 2))), 400, /./],
    ['an SVG', asking(dataUri(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))), 400, /./],
    ['broken base64', asking('data:image/png;base64,@@@@'), 400, 'invalid_image_url'],
    ['an empty URL', asking(''), 400, /./],
    ['a URL of another scheme', asking('file:///etc/passwd'), 400, /./],
    ['a URL of a wrong type', asking(5), 400, 'invalid_type'],
    ['a private address', asking('http://127.0.0.1:1/x.png'), 400, 'image_url_not_allowed'],
    ['a mapped private address', asking('http://[::ffff:10.0.0.1]/x.png'), 400, 'image_url_not_allowed'],
    ['an attachment of a JSON request', asking('attachment://a'), 400, 'invalid_image_url'],
    ['too many', asking(...Array(31).fill(dataUri(png))), 400, 'too_many_images'],
    ['too large together', asking(`data:image/png;base64,${'A'.repeat(11 * 1024 * 1024)}`), 413, 'image_too_large'],
  ];
  for (const [what, payload, status, code] of bad) {
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload });
    t.equal(response.statusCode, status, `${what}: ${response.body}`);
    t.match(
      response.json(),
      { error: { type: 'invalid_request_error', code, param: /^messages\[0\]\.content\[\d+\]\.image_url\.url$/ } },
      what,
    );
    t.notMatch(response.body, /vips|ECONN|undici/i, 'nothing of the decoder or the network is shown');
  }
  t.equal(backend.requests.length, 0);
  const good = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: asking(dataUri(png)) });
  t.equal(good.statusCode, 200, good.body);
  t.match(good.json(), { choices: [{ message: { content: 'Hello world' } }] });
});
