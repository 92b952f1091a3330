import t from 'tap';
import type { GenerationEvent } from '../../../inference/types.ts';
import { streamed, testApp } from '../../app-helper.ts';
import { aborted, scriptedBackend } from '../../scripted-backend.ts';

const url = '/v1/completions';
const body = (overrides: object) => ({ model: 'scripted', prompt: 'Hi', ...overrides });
const picture = (...rgb: number[]) =>
  `data:image/x-portable-pixmap;base64,${Buffer.concat([Buffer.from('P6 1 1 255\n'), Buffer.from(rgb)]).toString('base64')}`;

t.test('an answer in one piece has the shape of OpenAI', async (t) => {
  const { app } = testApp(t);
  const response = await app.inject({ method: 'POST', url, payload: body({ request_id: 'mine' }) });
  const { created, ...rest } = response.json();
  t.type(created, 'number');
  t.match(rest, {
    id: 'cmpl-mine',
    object: 'text_completion',
    model: 'scripted',
    system_fingerprint: 'fp_test',
    choices: [{ index: 0, text: 'Hello world', logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
  });
});

t.test('all four forms of prompt, one request each, with 16 tokens by default', async (t) => {
  const forms: readonly (readonly [unknown, readonly object[]])[] = [
    ['a', [{ kind: 'text', text: 'a', images: [] }]],
    [
      ['a', 'b'],
      [{ text: 'a' }, { text: 'b' }],
    ],
    [[1, 2], [{ kind: 'tokens', ids: [1, 2], images: [] }]],
    [
      [[1], [2, 3]],
      [{ ids: [1] }, { ids: [2, 3] }],
    ],
  ];
  for (const [prompt, expected] of forms) {
    const { app, backend } = testApp(t);
    const response = await app.inject({ method: 'POST', url, payload: body({ prompt }) });
    t.equal(response.statusCode, 200, response.body);
    t.match(
      backend.requests.map((request) => request.prompt),
      expected,
    );
    t.ok(backend.requests.every(({ stopping }) => stopping.maxTokens === 16));
  }
});

t.test('choices are numbered prompt × n + choice; usage is the sum', async (t) => {
  const { app } = testApp(
    t,
    scriptedBackend(async function* ({ n, prompt }): AsyncGenerator<GenerationEvent> {
      const text = prompt.kind === 'text' ? prompt.text : '';
      yield { type: 'start', promptTokens: 1, imageTokens: 0, promptText: `<${text}>` };
      for (let choice = 0; choice < n; choice += 1) {
        yield { type: 'text', choice, text: `${text}${choice}`, tokenIds: [1] };
        yield { type: 'finish', choice, reason: 'length', completionTokens: 1 };
      }
      yield {
        type: 'done',
        usage: { promptTokens: 1, completionTokens: n, imageTokens: 0, cachedTokens: 0 },
        timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
      };
    }),
  );
  const payload = body({ prompt: ['a', 'b'], n: 2, echo: true });
  const whole = (await app.inject({ method: 'POST', url, payload })).json();
  t.strictSame(
    whole.choices.map(({ index, text }: { index: number; text: string }) => [index, text]),
    [
      [0, '<a>a0'],
      [1, '<a>a1'],
      [2, '<b>b0'],
      [3, '<b>b1'],
    ],
  );
  t.match(whole.usage, { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 });

  const stream = await app.inject({ method: 'POST', url, payload: { ...payload, stream: true, stream_options: { include_usage: true } } });
  const events = streamed(stream.body);
  t.equal(events.pop(), '[DONE]');
  const last = events.pop();
  t.match(last, { object: 'text_completion', choices: [], usage: { total_tokens: 6 } });
  const texts = ['', '', '', ''];
  const reasons: unknown[] = [];
  for (const { choices, usage } of events as { choices: { index: number; text: string; finish_reason: string | null }[]; usage: null }[]) {
    t.equal(usage, null);
    const { index, text, finish_reason } = choices[0]!;
    texts[index] += text;
    if (finish_reason !== null) reasons[index] = finish_reason;
  }
  t.strictSame(texts, ['<a>a0', '<a>a1', '<b>b0', '<b>b1']);
  t.strictSame(reasons, ['length', 'length', 'length', 'length']);
});

t.test('images go to the prompts whose placeholders they fill', async (t) => {
  const { app, backend } = testApp(t);
  const images = [picture(1, 1, 1), picture(2, 2, 2), picture(3, 3, 3)];
  const prompt = ['none', 'two <image> and <image>', 'one <image>'];
  const response = await app.inject({ method: 'POST', url, payload: body({ prompt, images }) });
  t.equal(response.statusCode, 200, response.body);
  t.strictSame(
    backend.requests.map((request) => request.prompt.kind === 'text' && request.prompt.images.map(({ data }) => data[0])),
    [[], [1, 2], [3]],
  );
});

t.test('one failing prompt stops the others', async (t) => {
  const backend = scriptedBackend(async function* ({ prompt }, signal): AsyncGenerator<GenerationEvent> {
    yield { type: 'start', promptTokens: 1, imageTokens: 0, promptText: '' };
    if (prompt.kind === 'text' && prompt.text === 'bad') throw new Error('secret detail');
    await aborted(signal);
  });
  const { app } = testApp(t, backend);
  const response = await app.inject({ method: 'POST', url, payload: body({ prompt: ['good', 'bad', 'good'] }) });
  t.equal(response.statusCode, 500);
  t.notMatch(response.body, /secret/);
  t.equal(backend.open, 0, 'every generation has ended');
});

t.test('wrong requests are refused by field', async (t) => {
  const { app } = testApp(t);
  const wrong: readonly (readonly [object, string, string])[] = [
    [{ prompt: undefined }, 'prompt', 'missing_required_parameter'],
    [{ prompt: 5 }, 'prompt', 'invalid_type'],
    [{ prompt: Array(65).fill('a'), n: 2 }, 'n', 'invalid_value'],
    [{ prompt: [[1], [2]], images: [picture(0, 0, 0)] }, 'images', 'invalid_value'],
    [{ images: 'x' }, 'images', 'invalid_type'],
    [{ images: [5] }, 'images[0]', 'invalid_type'],
    [{ echo: 'yes' }, 'echo', 'invalid_type'],
    [{ max_tokens: -1 }, 'max_tokens', 'integer_below_min_value'],
  ];
  for (const [overrides, param, code] of wrong) {
    const response = await app.inject({ method: 'POST', url, payload: body(overrides) });
    t.equal(response.statusCode, 400, JSON.stringify(overrides).slice(0, 80));
    t.match(response.json(), { error: { type: 'invalid_request_error', param, code } });
  }
});

t.test('what is wrong with a list of prompts is said', async (t) => {
  const { app } = testApp(t);
  const many = (item: unknown, count = 200) => Array.from({ length: count }, () => item);
  const wrong: readonly (readonly [unknown, string, string, RegExp])[] = [
    [many('a'), 'prompt', 'array_above_max_length', /maximum length 128, but got length 200/],
    [many([1]), 'prompt', 'array_above_max_length', /maximum length 128, but got length 200/],
    [[], 'prompt', 'empty_array', /empty array/],
    [[[]], 'prompt[0]', 'empty_array', /empty array/],
    [[-1], 'prompt[0]', 'integer_below_min_value', />= 0, but got -1/],
    [[[1], [-1]], 'prompt[1][0]', 'integer_below_min_value', />= 0, but got -1/],
    [[1.5], 'prompt[0]', 'invalid_type', /an integer, but got a decimal number/],
    [[...many(1), 1.5], 'prompt[200]', 'invalid_type', /an integer, but got a decimal number/],
    [[1, 'a'], 'prompt[1]', 'invalid_type', /an integer, but got a string/],
    [['a', 5], 'prompt[1]', 'invalid_type', /a string, but got an integer/],
    [[[1], 'a'], 'prompt[1]', 'invalid_type', /an array, but got a string/],
    [[['a']], 'prompt[0][0]', 'invalid_type', /an integer, but got a string/],
    [[true], 'prompt', 'invalid_type', /but got an array that begins with a boolean/],
  ];
  for (const [prompt, param, code, message] of wrong) {
    const response = await app.inject({ method: 'POST', url, payload: body({ prompt }) });
    t.equal(response.statusCode, 400);
    t.match(response.json(), { error: { param, code, message } }, JSON.stringify(prompt).slice(0, 40));
  }
});
