/** The prefix cache changes what an answer costs, and not a byte of it: conversations about pictures, at once, some hanging up. */
import { join } from 'node:path';
import sharp from 'sharp';
import t from 'tap';
import { packageRoot } from '../../server/package-root.ts';
import { startServer, type TestServer } from '../helper.ts';

const CLIENTS = 12;
const TURNS = 3;
const checkpoint = join(packageRoot, 'test', 'fixtures', 'checkpoints', 'mha-full');

/** Clients share one of three pictures; each asks in words of its own. */
async function picture(client: number): Promise<string> {
  const data = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * ((client % 3) + 5) + (i >> 4) * 3) % 256));
  const png = await sharp(data, { raw: { width: 40, height: 30, channels: 3 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number; readonly image_tokens: number };
  };
}

async function ask({ origin, model }: TestServer, body: object, signal: AbortSignal | null = null): Promise<Answer> {
  const response = await fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, ...body }),
    signal,
  });
  if (response.status !== 200) throw new Error(await response.text());
  return response.json() as Promise<Answer>;
}

const user = async (client: number, turn: number) => ({
  role: 'user',
  content: [
    ...(turn === 0 && client % 4 !== 3 ? [{ type: 'image_url', image_url: { url: await picture(client) } }] : []),
    {
      type: 'text',
      text: `Look at this and tell me, ${turn === 0 ? 'first' : 'then'}: ${'what '.repeat(client % 5)}${client % 7} ${turn}?`,
    },
  ],
});

/** Greedy or seeded, one choice or two, by the client's number. */
const sampling = (client: number) => ({
  max_tokens: 6 + client,
  ...(client % 2 === 0 ? { temperature: 0 } : { temperature: 0.9, top_p: 0.95, seed: client }),
  ...(client % 6 === 5 && { n: 2 }),
});

/** A whole conversation; in its middle another client asks the same, and hangs up at once. */
async function talk(
  server: TestServer,
  client: number,
  interrupted: boolean,
): Promise<{ texts: string[]; cached: number[]; asked: number[] }> {
  const messages: object[] = [];
  const [texts, cached, asked]: [string[], number[], number[]] = [[], [], []];
  for (let turn = 0; turn < TURNS; turn++) {
    messages.push(await user(client, turn));
    const body = { ...sampling(client), messages };
    const hangUp = new AbortController();
    const leaver = interrupted ? ask(server, body, hangUp.signal).catch(() => null) : null;
    const answer = await ask(server, body);
    hangUp.abort();
    await leaver;
    texts.push(...answer.choices.map((choice) => choice.message.content));
    cached.push(answer.usage.prompt_tokens_details.cached_tokens);
    asked.push(answer.usage.prompt_tokens);
    messages.push({ role: 'assistant', content: answer.choices[0]?.message.content });
  }
  return { texts, cached, asked };
}

t.test('the same texts with the cache on and off', async (t) => {
  const off = await startServer({ checkpoint, maxNumSeqs: 2, prefixCache: false });
  t.teardown(() => off.close());
  const on = await startServer({ checkpoint, maxNumSeqs: 8, maxQueue: 100 });
  t.teardown(() => on.close());
  const clients = Array.from({ length: CLIENTS }, (_, client) => client);
  const expected: Awaited<ReturnType<typeof talk>>[] = [];
  for (const client of clients) expected.push(await talk(off, client, false));
  t.ok(new Set(expected.flatMap(({ texts }) => texts)).size > CLIENTS, 'the answers differ');

  const together = await Promise.all(clients.map((client) => talk(on, client, true)));
  for (const client of clients) t.strictSame(together[client]?.texts, expected[client]?.texts, `client ${client}, in a crowd`);
  const alone = await talk(on, 4, false);
  t.strictSame(alone.texts, expected[4]?.texts);
  for (let turn = 1; turn < TURNS; turn++) {
    t.ok((alone.cached[turn] ?? 0) >= (alone.asked[turn - 1] ?? 0) - 2, `turn ${turn} starts from the turn before`);
  }
  t.ok(
    expected.every(({ cached }) => cached.every((tokens) => tokens === 0)),
    'nothing is cached where it is off',
  );
  t.match(off.backend.stats(), { cachedTokens: 0, copiedTokens: 0 });
  const { cachedTokens, copiedTokens, running } = on.backend.stats();
  t.ok(cachedTokens > 1000 && copiedTokens > 0, `${cachedTokens} tokens were reused, ${copiedTokens} copied`);
  t.equal(running, 0);
});

t.test('a salt of its own shares with nobody', async (t) => {
  const server = await startServer({ checkpoint });
  t.teardown(() => server.close());
  const body = { temperature: 0, max_tokens: 5, messages: [await user(1, 0)] };
  const cost = async (more: object) => {
    const { usage } = await ask(server, { ...body, ...more });
    return { left: usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens, encoded: server.backend.stats().imagesEncoded };
  };
  const whole = (await ask(server, body)).usage.prompt_tokens;
  t.strictSame(await cost({}), { left: 2, encoded: 1 });
  t.strictSame(await cost({ cache_salt: 'tenant a' }), { left: whole, encoded: 2 });
  t.strictSame(await cost({ cache_salt: 'tenant b' }), { left: whole, encoded: 3 });
  t.strictSame(await cost({ cache_salt: 'tenant a' }), { left: 2, encoded: 3 });
  await t.rejects(ask(server, { ...body, cache_salt: '' }), { message: /cache_salt/ });
});
