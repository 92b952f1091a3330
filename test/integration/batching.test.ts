/** Sharing a batch changes nothing: many clients at once get byte for byte what each gets alone, while others hang up. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import t from 'tap';
import { liveHandles } from '../../inference/runtime/handles.ts';
import { packageRoot } from '../../server/package-root.ts';
import { startServer, type TestServer } from '../helper.ts';

const CLIENTS = 32;
const checkpoint = join(packageRoot, 'test', 'fixtures', 'checkpoints', 'mha-full');

interface Ask {
  readonly body: object;
  /** Characters after which the client hangs up, or null for one that stays. */
  readonly leavesAfter: number | null;
}

/** A picture that differs from every other client's. */
async function picture(client: number): Promise<string> {
  const width = 20 + client * 3;
  const height = 90 - client * 2;
  const data = Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * (client + 3) + (i >> 5) * 7) % 256));
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

async function asks(model: string): Promise<Ask[]> {
  return Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => ({
      leavesAfter: null,
      body: {
        model,
        stream: true,
        max_tokens: 8 + ((client * 5) % 40),
        ...(client % 2 === 0 ? { temperature: 0 } : { temperature: 0.9, top_p: 0.95, seed: client }),
        messages: [
          {
            role: 'user',
            content: [
              ...(client % 5 === 4 ? [] : [{ type: 'image_url', image_url: { url: await picture(client) } }]),
              { type: 'text', text: `Question ${client}: ${'what do you see '.repeat(1 + (client % 6))}?` },
            ],
          },
        ],
      },
    })),
  );
}

/** The text of a streamed answer, or what had come of it when the client left. */
async function answer({ origin }: TestServer, { body, leavesAfter }: Ask): Promise<string> {
  const hangUp = new AbortController();
  const response = await fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: hangUp.signal,
  });
  if (response.status !== 200) throw new Error(await response.text());
  let stream = '';
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const bytes of response.body ?? []) {
      stream += decoder.decode(bytes, { stream: true });
      text = textOf(stream);
      if (leavesAfter !== null && text.length >= leavesAfter) hangUp.abort();
    }
  } catch (error) {
    if (!hangUp.signal.aborted) throw error;
  }
  return text;
}

function textOf(stream: string): string {
  const frames = stream.split('\n\n').slice(0, -1);
  const chunks = frames.filter((frame) => frame.startsWith('data: {')).map((frame) => JSON.parse(frame.slice('data: '.length)));
  return chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
}

/** Resolves when the engine has nothing left to do. */
async function idle({ backend }: TestServer): Promise<void> {
  while (backend.stats().running > 0 || backend.stats().waiting > 0) await new Promise((resolve) => setImmediate(resolve));
}

t.test('32 clients at once, with others hanging up at random', async (t) => {
  const handlesBefore = liveHandles();
  const server = await startServer({ checkpoint, maxNumSeqs: 12, maxQueue: 200 });
  const all = await asks(server.model);
  const alone: string[] = [];
  for (const ask of all) alone.push(await answer(server, ask));
  t.ok(new Set(alone).size > CLIENTS / 2, 'the answers differ between clients');

  const leavers = all.map((ask, client) => ({ ...ask, leavesAfter: client % 7 }));
  const [together] = await Promise.all([
    Promise.all(all.map((ask) => answer(server, ask))),
    Promise.all(leavers.map((ask) => answer(server, ask))),
  ]);
  for (const [client, text] of together.entries()) t.equal(text, alone[client], `client ${client} gets the same text as alone`);

  await idle(server);
  const stats = server.backend.stats();
  t.equal(stats.freeSlots, stats.slots, 'every slot is free again');
  await server.close();
  t.equal(liveHandles(), handlesBefore, 'every native handle is freed');
});

t.test('a server that was closed leaves nothing behind', { skip: process.platform !== 'linux' && 'counts files in /proc' }, async (t) => {
  const openFiles = async () => (await readdir('/proc/self/fd')).length;
  // The client's end of a connection closes a little after the server's.
  const filesFallTo = async (most: number) => {
    const deadline = Date.now() + 5000;
    while ((await openFiles()) > most && Date.now() < deadline) await delay(10);
    return openFiles();
  };
  const cycle = async () => {
    const server = await startServer({ checkpoint, maxNumSeqs: 4 });
    const [first] = await asks(server.model);
    if (first !== undefined) await answer(server, first);
    await server.close();
  };
  // The first one also opens what lives as long as the process: the library, the thread pools.
  await cycle();
  const [files, resources] = [await openFiles(), process.getActiveResourcesInfo().sort()];
  await cycle();
  t.ok((await filesFallTo(files)) <= files, 'no file or socket is left open');
  t.strictSame(
    process
      .getActiveResourcesInfo()
      .sort()
      .filter((kind) => kind !== 'TCPSocketWrap'),
    resources.filter((kind) => kind !== 'TCPSocketWrap'),
    'no timer, server or worker is left',
  );
});
