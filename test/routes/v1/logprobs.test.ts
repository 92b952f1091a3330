/** Log probabilities and `best_of` in the shapes of OpenAI. */
import t from 'tap';
import type { GenerationEvent, TokenLogprobs } from '../../../inference/types.ts';
import { chat, streamed, testApp } from '../../app-helper.ts';
import { type Script, scriptedBackend } from '../../scripted-backend.ts';

function token(text: string | null, logprob: number, offset: number, bytes: readonly number[] | null = null): TokenLogprobs {
  const own = { id: 1, name: '</s>', bytes: text === null ? bytes && Uint8Array.from(bytes) : Buffer.from(text), logprob };
  return { ...own, offset, top: [own, { id: 2, name: 'b', bytes: Buffer.from('b'), logprob: -3 }] };
}

const usage = (completionTokens: number) => ({ promptTokens: 2, completionTokens, imageTokens: 0, cachedTokens: 0 });
const timings = { queueMs: 0, prefillMs: 0, decodeMs: 0 };

/** Says "é▮" of one whole token, one broken and one special one, after the prompt "Hé". */
const script: Script = async function* ({ n, output }): AsyncGenerator<GenerationEvent> {
  yield { type: 'start', promptTokens: 2, imageTokens: 0, promptText: 'Hé' };
  if (output?.promptLogprobs) {
    const second = token('é', -0.25, 1);
    yield { type: 'prompt', logprobs: [{ ...token('H', 0, 0), logprob: null, top: [] }, second] };
  }
  const logprobs = [token('é', -0.5, 0), token(null, -1, 1, [0xe2, 0x80]), token(null, Number.NEGATIVE_INFINITY, 1)];
  for (let choice = 0; choice < n; choice += 1) {
    yield { type: 'text', choice, text: 'é', tokenIds: [1], ...(output?.logprobs !== undefined && { logprobs: logprobs.slice(0, 1) }) };
    yield { type: 'text', choice, text: '', tokenIds: [1, 1], ...(output?.logprobs !== undefined && { logprobs: logprobs.slice(1) }) };
    yield { type: 'finish', choice, reason: 'stop', completionTokens: 3 };
  }
  yield { type: 'done', usage: usage(3 * n), timings };
};

const completion = (overrides: object) => ({ model: 'scripted', prompt: 'Hé', ...overrides });

t.test('chat: one entry for each token, with its bytes', async (t) => {
  const { app, backend } = testApp(t, scriptedBackend(script));
  const payload = chat({ logprobs: true, top_logprobs: 2 });
  const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload });
  t.equal(response.statusCode, 200, response.body);
  t.match(backend.requests[0]?.output, { logprobs: 2 });
  const b = { token: 'b', logprob: -3, bytes: [98] };
  const entry = (token: string, logprob: number, bytes: number[] | null) => {
    const own = { token, logprob, bytes };
    return { ...own, top_logprobs: [own, b] };
  };
  const content = [entry('é', -0.5, [0xc3, 0xa9]), entry('\\xe2\\x80', -1, [0xe2, 0x80]), entry('</s>', -9999, null)];
  t.strictSame(response.json().choices[0].logprobs, { content, refusal: null });

  const stream = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { ...payload, stream: true } });
  const chunks = streamed(stream.body).slice(0, -1) as { choices: { delta: { content?: string }; logprobs: unknown }[] }[];
  t.strictSame(
    chunks.map(({ choices: [choice] }) => [choice?.delta.content, choice?.logprobs]),
    [
      ['', null],
      ['é', { content: content.slice(0, 1), refusal: null }],
      ['', { content: content.slice(1), refusal: null }],
      [undefined, null],
    ],
  );
  const without = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: chat() });
  t.equal(without.json().choices[0].logprobs, null);
});

t.test('completions: four lists, behind those of the prompt when it is echoed', async (t) => {
  const { app, backend } = testApp(t, scriptedBackend(script));
  const url = '/v1/completions';
  const tokens = ['é', 'bytes:\\xe2\\x80', '</s>'];
  const tops = [
    { é: -0.5, b: -3 },
    { 'bytes:\\xe2\\x80': -1, b: -3 },
    { '</s>': -9999, b: -3 },
  ];
  const plain = await app.inject({ method: 'POST', url, payload: completion({ logprobs: 1 }) });
  t.equal(plain.statusCode, 200, plain.body);
  t.strictSame(plain.json().choices[0].logprobs, { tokens, token_logprobs: [-0.5, -1, -9999], top_logprobs: tops, text_offset: [0, 1, 1] });
  t.match(backend.requests[0]?.output, { logprobs: 1, promptLogprobs: undefined });

  const payload = completion({ logprobs: 1, echo: true, n: 2 });
  const whole = {
    tokens: ['H', 'é', ...tokens],
    token_logprobs: [null, -0.25, -0.5, -1, -9999],
    top_logprobs: [null, { é: -0.25, b: -3 }, ...tops],
    text_offset: [0, 1, 2, 3, 3],
  };
  const echoed = (await app.inject({ method: 'POST', url, payload })).json();
  for (const choice of echoed.choices) t.match(choice, { text: 'Héé', logprobs: whole });
  t.match(backend.requests[1]?.output, { promptLogprobs: true });

  const stream = await app.inject({ method: 'POST', url, payload: { ...payload, stream: true } });
  const joined = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] } as Record<string, unknown[]>;
  let text = '';
  for (const chunk of streamed(stream.body).slice(0, -1) as {
    choices: { index: number; text: string; logprobs: typeof joined | null }[];
  }[]) {
    const choice = chunk.choices[0]!;
    if (choice.index !== 1) continue;
    text += choice.text;
    for (const [name, list] of Object.entries(choice.logprobs ?? {})) joined[name]?.push(...list);
  }
  t.equal(text, 'Héé');
  t.strictSame(joined, whole);

  const prompt = (await app.inject({ method: 'POST', url, payload: completion({ logprobs: 1, echo: true, max_tokens: 0 }) })).json();
  t.match(prompt.choices[0], { text: 'Hé', finish_reason: 'length', logprobs: { tokens: ['H', 'é'], text_offset: [0, 1] } });
  t.equal(prompt.choices[0].logprobs.tokens.length, 2);
  t.match(prompt.usage, { prompt_tokens: 2, completion_tokens: 0, total_tokens: 2 });
  t.equal(backend.requests.at(-1)?.stopping.maxTokens, 1);
});

t.test('best_of sends the choices of the highest log probability per token, the best first', async (t) => {
  const sums = [-4, -1, -9, -2];
  const { app, backend } = testApp(
    t,
    scriptedBackend(async function* ({ n, prompt }): AsyncGenerator<GenerationEvent> {
      yield { type: 'start', promptTokens: 2, imageTokens: 0, promptText: 'Hi' };
      for (let choice = 0; choice < n; choice += 1) {
        yield {
          type: 'text',
          choice,
          text: `${prompt.kind === 'text' && prompt.text}${choice}`,
          tokenIds: [1],
          logprobs: [token('x', -1, 0)],
        };
        yield { type: 'finish', choice, reason: 'length', completionTokens: choice === 2 ? 90 : 2, logprob: sums[choice]! };
      }
      yield { type: 'done', usage: usage(n), timings };
    }),
  );
  const ask = async (overrides: object) => {
    const response = await app.inject({
      method: 'POST',
      url: '/v1/completions',
      payload: completion({ prompt: ['a', 'b'], ...overrides }),
    });
    return response.json();
  };
  const answer = await ask({ best_of: 4, n: 2 });
  t.strictSame(
    answer.choices.map(({ index, text, logprobs }: { index: number; text: string; logprobs: null }) => [index, text, logprobs]),
    [
      [0, 'a2', null],
      [1, 'a1', null],
      [2, 'b2', null],
      [3, 'b1', null],
    ],
  );
  t.equal(answer.usage.completion_tokens, 8, 'all that was written counts');
  t.match(backend.requests[0], { n: 4, output: { logprobs: 0 } });
  t.strictSame(
    (await ask({ best_of: 2, n: 2 })).choices.map(({ text }: { text: string }) => text),
    ['a0', 'a1', 'b0', 'b1'],
  );
  t.equal(backend.requests.at(-1)?.output?.logprobs, undefined);
  t.match((await ask({ best_of: 2, logprobs: 0 })).choices[0].logprobs, { tokens: ['x'] });
});

t.test("OpenAI's own limits are refused by name", async (t) => {
  const { app, backend } = testApp(t, scriptedBackend(script));
  const wrong: readonly (readonly [string, object, string, string])[] = [
    ['/v1/chat/completions', chat({ top_logprobs: 3 }), 'top_logprobs', 'invalid_value'],
    ['/v1/chat/completions', chat({ logprobs: false, top_logprobs: 1 }), 'top_logprobs', 'invalid_value'],
    ['/v1/chat/completions', chat({ logprobs: true, top_logprobs: 21 }), 'top_logprobs', 'integer_above_max_value'],
    ['/v1/chat/completions', chat({ logprobs: true, top_logprobs: -1 }), 'top_logprobs', 'integer_below_min_value'],
    ['/v1/chat/completions', chat({ logprobs: 3 }), 'logprobs', 'invalid_type'],
    ['/v1/completions', completion({ logprobs: 6 }), 'logprobs', 'integer_above_max_value'],
    ['/v1/completions', completion({ logprobs: true }), 'logprobs', 'invalid_type'],
    ['/v1/completions', completion({ best_of: 1, n: 2 }), 'best_of', 'invalid_value'],
    ['/v1/completions', completion({ best_of: 21 }), 'best_of', 'integer_above_max_value'],
    ['/v1/completions', completion({ best_of: 2, stream: true }), 'best_of', 'invalid_value'],
    ['/v1/completions', completion({ best_of: 20, prompt: Array(7).fill('a') }), 'best_of', 'invalid_value'],
    ['/v1/completions', completion({ max_tokens: 0 }), 'max_tokens', 'invalid_value'],
  ];
  for (const [url, payload, param, code] of wrong) {
    const response = await app.inject({ method: 'POST', url, payload });
    t.equal(response.statusCode, 400, JSON.stringify(payload));
    t.match(response.json(), { error: { type: 'invalid_request_error', param, code } });
  }
  t.equal(backend.requests.length, 0);
});

t.test('an answer of more log probabilities than can be held is ended, unless it is streamed', async (t) => {
  const ended: string[] = [];
  const endless: Script = async function* () {
    try {
      yield { type: 'start', promptTokens: 2, imageTokens: 0, promptText: 'Hé' };
      const logprobs = Array.from({ length: 1000 }, () => token('é', -0.5, 0));
      for (let i = 0; i < 200; i++) yield { type: 'text', choice: 0, text: 'é', tokenIds: [1], logprobs };
      yield { type: 'finish', choice: 0, reason: 'length', completionTokens: 200_000 };
      yield { type: 'done', usage: usage(200_000), timings };
    } finally {
      ended.push('ended');
    }
  };
  const { app, backend } = testApp(t, scriptedBackend(endless));
  for (const [url, payload] of [
    ['/v1/chat/completions', chat({ logprobs: true, top_logprobs: 2 })],
    ['/v1/completions', completion({ logprobs: 2 })],
  ] as const) {
    const response = await app.inject({ method: 'POST', url, payload });
    t.equal(response.statusCode, 400);
    t.match(response.json(), { error: { type: 'invalid_request_error', code: 'invalid_value', param: 'logprobs' } });
    t.equal(backend.open, 0);
  }
  t.strictSame(ended, ['ended', 'ended']);
  const stream = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: chat({ logprobs: true, stream: true }) });
  t.match(stream.body, /\[DONE\]/);
});
