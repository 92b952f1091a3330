/** An image with a `uuid` is sent once: later requests name it. */
import { join } from 'node:path';
import sharp from 'sharp';
import t from 'tap';
import { packageRoot } from '../../server/package-root.ts';
import { startServer } from '../helper.ts';

const checkpoint = join(packageRoot, 'test', 'fixtures', 'checkpoints', 'mha-full');

t.test('an image that is cached need not be sent again', async (t) => {
  const server = await startServer({ checkpoint });
  t.teardown(() => server.close());
  const png = await sharp({ create: { width: 30, height: 30, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  const url = `data:image/png;base64,${png.toString('base64')}`;
  const ask = async (image: object, more: object = {}) => {
    const content = [
      { type: 'image_url', ...image },
      { type: 'text', text: 'What is it?' },
    ];
    const response = await fetch(`${server.origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: server.model, temperature: 0, max_tokens: 8, messages: [{ role: 'user', content }], ...more }),
    });
    return { status: response.status, body: (await response.json()) as { choices: object[]; usage: { prompt_tokens: number } } };
  };
  const refused = (code: string, param: string) => ({ status: 400, body: { error: { type: 'invalid_request_error', code, param } } });

  t.match(await ask({ uuid: 'teal' }), refused('image_not_cached', 'messages'));
  t.match(await ask({ uuid: 'teal' }, { stream: true }), refused('image_not_cached', 'messages'), 'before the head of a stream goes out');
  const sent = await ask({ uuid: 'teal', image_url: { url } });
  t.equal(sent.status, 200);
  for (const image of [{}, { image_url: null }, { image_url: {} }, { image_url: { url: '' } }, { image_url: '' }]) {
    const named = await ask({ uuid: 'teal', ...image });
    t.strictSame(named.body.choices, sent.body.choices, JSON.stringify(image));
    t.equal(named.body.usage.prompt_tokens, sent.body.usage.prompt_tokens);
  }
  t.equal(server.backend.stats().imagesEncoded, 1);
  t.match(await ask({ uuid: 'teal' }, { cache_salt: 'tenant' }), refused('image_not_cached', 'messages'), 'names are of one salt');
  t.match(await ask({}), refused('missing_required_parameter', 'messages[0].content[0].image_url'));
  t.match(await ask({ image_url: {} }), refused('missing_required_parameter', 'messages[0].content[0].image_url.url'));
});
