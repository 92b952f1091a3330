import t from 'tap';
import { chat, testApp } from '../app-helper.ts';

const url = '/v1/chat/completions';
const asking = (text: string) => JSON.stringify(chat({ messages: [{ role: 'user', content: text }] }));

t.test('JSON is UTF-8, said or not', async (t) => {
  const { app, backend } = testApp(t);
  for (const type of ['', '; charset=utf-8', ';charset="UTF-8"', '; charset=us-ascii; x=y']) {
    const headers = { 'content-type': `application/json${type}` };
    for (const payload of [asking('Grüße 🦊'), `\ufeff${asking('Grüße 🦊')}`]) {
      const response = await app.inject({ method: 'POST', url, headers, payload });
      t.equal(response.statusCode, 200, response.body);
      t.match(backend.requests.at(-1)?.prompt, { messages: [{ content: [{ text: 'Grüße 🦊' }] }] });
    }
  }
});

t.test('what is no UTF-8, empty, or would change a prototype is refused, and so are other charsets', async (t) => {
  const { app, backend } = testApp(t);
  const wrong: readonly (readonly [string, Buffer | string, number, string, RegExp])[] = [
    ['', Buffer.from(asking('é'), 'latin1'), 400, 'invalid_json', /not valid UTF-8/],
    ['', Buffer.from(asking('é')).subarray(0, -1), 400, 'invalid_json', /could not parse/],
    ['', '', 400, 'invalid_json', /empty/],
    ['', '{"__proto__": {"a": 1}}', 400, 'invalid_json', /could not parse/],
    ['; charset=utf-16', Buffer.from(asking('é'), 'utf16le'), 415, 'unsupported_media_type', /'utf-16'.*UTF-8/],
    ['; charset=ISO-8859-1', Buffer.from(asking('é'), 'latin1'), 415, 'unsupported_media_type', /'ISO-8859-1'.*UTF-8/],
  ];
  for (const [type, payload, status, code, message] of wrong) {
    const response = await app.inject({ method: 'POST', url, headers: { 'content-type': `application/json${type}` }, payload });
    t.equal(response.statusCode, status, response.body);
    t.match(response.json(), { error: { type: 'invalid_request_error', code, message } });
  }
  t.equal(backend.requests.length, 0);
});
