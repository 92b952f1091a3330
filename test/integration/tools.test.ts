/** Calls of functions, by the official client against the real server with the embedded model. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import t from 'tap';
import { startServer, type TestServer } from '../helper.ts';
import { jsonValidator } from './json-validator.ts';

let server: TestServer;
let client: OpenAI;

t.before(async () => {
  server = await startServer({ maxNumSeqs: 8 });
  client = new OpenAI({ baseURL: server.baseURL, apiKey: 'unused', maxRetries: 0 });
});
t.teardown(() => server?.close());

const place = {
  type: 'object',
  properties: {
    city: { enum: ['Oslo', 'Zürich', '京都'] },
    days: { type: 'integer', minimum: 1, maximum: 9 },
    note: { type: 'string', maxLength: 12 },
  },
  required: ['city', 'days', 'note'],
  additionalProperties: false,
};
const moment = {
  type: 'object',
  properties: { zone: { type: 'string', pattern: '^[A-Z]{3}$' } },
  required: ['zone'],
  additionalProperties: false,
};
const schemas: Readonly<Record<string, Record<string, unknown>>> = { get_weather: place, get_time: moment };
const tools: OpenAI.ChatCompletionFunctionTool[] = [
  { type: 'function', function: { name: 'get_weather', description: 'Tells the weather.', parameters: place } },
  { type: 'function', function: { name: 'get_time', parameters: moment } },
];
const named = (name: string) => ({ type: 'function', function: { name } }) as const;
const question: OpenAI.ChatCompletionMessageParam = { role: 'user', content: 'How is the weather?' };
const base = { model: 'test-model', messages: [question], tools, max_tokens: 400 };

const validates = await jsonValidator();

/** The calls of an answer, each by the schema of its function. */
function checked(t: Tap, calls: readonly OpenAI.ChatCompletionMessageToolCall[] | undefined) {
  const functions = (calls ?? []).map((call) => {
    assert(call.type === 'function');
    return call.function;
  });
  for (const { name, arguments: text } of functions) t.ok(validates(schemas[name] ?? {}, JSON.parse(text)), `${name} ${text}`);
  return functions;
}
type Tap = { ok(value: unknown, message: string): void };

t.test('a named function is called by its schema', async (t) => {
  for (const name of ['get_weather', 'get_time']) {
    for (let seed = 0; seed < 5; seed += 1) {
      const { choices } = await client.chat.completions.create({ ...base, tool_choice: named(name), seed, temperature: 1.5 });
      t.equal(choices[0]?.finish_reason, 'tool_calls');
      t.equal(choices[0]?.message.content, null);
      t.strictSame(
        checked(t, choices[0]?.message.tool_calls).map((call) => call.name),
        [name],
        'once',
      );
    }
  }
});

t.test('required: some function is called, in each choice, and a seed gives the same again', async (t) => {
  const ask = async () => {
    const { choices } = await client.chat.completions.create({
      ...base,
      tool_choice: 'required',
      parallel_tool_calls: false,
      n: 4,
      seed: 3,
    });
    return choices.map(({ message, finish_reason }) => {
      t.equal(finish_reason, 'tool_calls');
      const calls = checked(t, message.tool_calls);
      t.equal(calls.length, 1);
      return calls;
    });
  };
  t.strictSame(await ask(), await ask());
});

t.test('only an allowed function is called, though both are shown', async (t) => {
  for (let seed = 0; seed < 4; seed += 1) {
    const { choices } = await client.chat.completions.create({
      ...base,
      seed,
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named('get_time')] } },
    });
    for (const { name } of checked(t, choices[0]?.message.tool_calls)) t.equal(name, 'get_time');
  }
});

t.test('a stream adds up to the same calls', async (t) => {
  for (const seed of [1, 2]) {
    const parameters = { ...base, tool_choice: 'required', seed } as const;
    const stream = client.chat.completions.stream(parameters);
    const deltas: string[] = [];
    stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => deltas.push(arguments_delta));
    const streamed = (await stream.finalChatCompletion()).choices[0];
    const whole = (await client.chat.completions.create(parameters)).choices[0];
    const calls = checked(t, streamed?.message.tool_calls);
    t.strictSame(
      calls.map(({ name, arguments: text }) => [name, text]),
      checked(t, whole?.message.tool_calls).map(({ name, arguments: text }) => [name, text]),
    );
    t.equal(streamed?.finish_reason, whole?.finish_reason);
    t.ok(deltas.length > calls.length, 'arguments come piece by piece');
    const ids = streamed?.message.tool_calls?.map(({ id }) => id) ?? [];
    t.equal(new Set(ids).size, ids.length);
  }
});

t.test('an answer that is cut within a call says so, and never shows how calls are written', async (t) => {
  const forced = { ...base, tool_choice: named('get_weather') };
  const ask = async (more: { stop?: string[]; max_tokens?: number }) => {
    const choice = (await client.chat.completions.create({ ...forced, ...more })).choices[0];
    assert(choice !== undefined);
    const calls = choice.message.tool_calls?.map((call) => (call.type === 'function' ? call.function.arguments : null));
    return [choice.finish_reason, choice.message.content ?? '', calls];
  };
  t.strictSame(await ask({ stop: ['"city"'] }), ['stop', '', ['{']]);
  t.strictSame(await ask({ stop: ['get_w'] }), ['stop', '', undefined]);
  for (const max_tokens of [1, 2, 3]) t.strictSame(await ask({ max_tokens }), ['length', '', undefined]);
  const [reason, content] = await ask({ stop: ['nothing like it'] });
  t.strictSame([reason, content], ['tool_calls', '']);
});

t.test('the helper of the client carries a call out', async (t) => {
  const asked: unknown[] = [];
  const runner = client.chat.completions.runTools({
    model: 'test-model',
    messages: [question],
    tool_choice: named('get_weather'),
    tools: [
      {
        type: 'function',
        function: {
          name: 'get_weather',
          description: 'Tells the weather.',
          parameters: place,
          parse: (text: string): unknown => JSON.parse(text),
          function: (given: unknown) => {
            asked.push(given);
            return 'sunny';
          },
        },
      },
    ],
  });
  await runner.done();
  t.ok(validates(place, asked[0]));
  t.match(runner.messages.at(-1), { role: 'tool', content: 'sunny' });
});

t.test('a result is answered in words', async (t) => {
  const call = (await client.chat.completions.create({ ...base, tool_choice: 'required', parallel_tool_calls: false })).choices[0]?.message;
  assert(call?.tool_calls !== undefined);
  const { choices } = await client.chat.completions.create({
    ...base,
    max_tokens: 20,
    messages: [question, call, { role: 'tool', tool_call_id: call.tool_calls[0]?.id ?? '', content: 'It is sunny.' }],
  });
  t.equal(choices[0]?.message.tool_calls, undefined);
  t.ok((choices[0]?.message.content ?? '').length > 0);
});

t.test('none: the functions are not shown', async (t) => {
  const greedy = { ...base, temperature: 0, max_tokens: 20 };
  const none = await client.chat.completions.create({ ...greedy, tool_choice: 'none' });
  const { tools: _, ...without } = greedy;
  const plain = await client.chat.completions.create(without);
  const auto = await client.chat.completions.create(greedy);
  t.equal(none.usage?.prompt_tokens, plain.usage?.prompt_tokens);
  t.equal(none.choices[0]?.message.content, plain.choices[0]?.message.content);
  t.ok((auto.usage?.prompt_tokens ?? 0) > (plain.usage?.prompt_tokens ?? 0));
});

t.test('a call that is cut short is told as far as it came', async (t) => {
  const { choices } = await client.chat.completions.create({ ...base, tool_choice: named('get_weather'), temperature: 0 });
  const whole = checked(t, choices[0]?.message.tool_calls)[0]?.arguments ?? '';
  const lengths = new Set<number>();
  for (let max_tokens = 1; max_tokens < 60; max_tokens += 6) {
    const cut = (await client.chat.completions.create({ ...base, tool_choice: named('get_weather'), temperature: 0, max_tokens }))
      .choices[0];
    if (cut?.finish_reason !== 'length') continue;
    const [call] = cut.message.tool_calls ?? [];
    const text = call?.type === 'function' ? call.function.arguments : '';
    t.ok(whole.startsWith(text), text);
    lengths.add(text.length);
  }
  t.ok(lengths.size > 2, [...lengths].join());
});

t.test('strict functions leave text free, and a form of the answer is for answers without a call', async (t) => {
  const strict = tools.map((tool) => ({ ...tool, function: { ...tool.function, strict: true } }));
  const free = await client.chat.completions.create({ ...base, tools: strict, temperature: 0, max_tokens: 20 });
  t.ok((free.choices[0]?.message.content ?? '').length > 0);
  const number = { type: 'object', properties: { n: { type: 'integer', maximum: 9 } }, required: ['n'], additionalProperties: false };
  const response_format = { type: 'json_schema', json_schema: { name: 'number', schema: number } } as const;
  for (let seed = 0; seed < 5; seed += 1) {
    const { message } = (await client.chat.completions.create({ ...base, tools: strict, response_format, seed })).choices[0] ?? {};
    if (message?.tool_calls === undefined) t.ok(validates(number, JSON.parse(message?.content ?? '')), message?.content ?? '');
    else checked(t, message.tool_calls);
  }
});

t.test('log probabilities are told of the tokens of calls', async (t) => {
  const parameters = { ...base, tool_choice: named('get_time'), logprobs: true, top_logprobs: 1, temperature: 0 } as const;
  const { choices, usage } = await client.chat.completions.create(parameters);
  const told = choices[0]?.logprobs?.content ?? [];
  // The end token has no text and is counted, though not told.
  t.equal(told.length, (usage?.completion_tokens ?? 0) - 1);
  t.match(told.map(({ token }) => token).join(''), '"get_time"');
});

t.test('a schema that cannot be carried out is refused by its function', async (t) => {
  const bad = {
    type: 'function',
    function: { name: 'bad', parameters: { type: 'object', properties: { l: { type: 'array', uniqueItems: true } } } },
  } as const;
  for (const [list, tool_choice, index] of [
    [[...tools, bad], 'required', 2],
    [[bad], named('bad'), 0],
  ] as const) {
    for (const stream of [false, true]) {
      const error = await client.chat.completions
        .create({ ...base, tools: [...list], tool_choice, stream })
        .catch((error: unknown) => error);
      t.match(error, { status: 400, code: 'invalid_grammar', param: `tools[${index}].function.parameters` });
    }
  }
  const strict = { ...bad, function: { ...bad.function, name: 'strict', strict: true } };
  const held = await client.chat.completions.create({ ...base, tools: [bad, strict] }).catch((error: unknown) => error);
  t.match(held, { status: 400, param: 'tools[1].function.parameters' }, 'the first is not held to its schema');
  const auto = await client.chat.completions.create({ ...base, tools: [bad], max_tokens: 2 });
  t.ok(auto, 'where nothing is held to it, it is shown');
  const json_schema = { name: 'answer', strict: true, schema: bad.function.parameters };
  const format = { ...base, tools, tool_choice: 'auto', response_format: { type: 'json_schema', json_schema } } as const;
  const answer = await client.chat.completions.create(format).catch((error: unknown) => error);
  t.match(answer, { status: 400, code: 'invalid_grammar', param: 'response_format.json_schema.schema' }, 'or by the answer');
});
