/** Answers that must have a form, by the official client against the real server with the embedded model. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import t from 'tap';
import { startServer, type TestServer } from '../helper.ts';
import { SeededRandom } from '../tools/random.ts';
import { jsonValidator } from './json-validator.ts';
import { randomSchema } from './random-schema.ts';

let server: TestServer;
let client: OpenAI;

t.before(async () => {
  server = await startServer({ maxNumSeqs: 16, maxQueue: 256 });
  client = new OpenAI({ baseURL: server.baseURL, apiKey: 'unused', maxRetries: 0 });
});
t.teardown(() => server?.close());

type Parameters = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> & { structured_outputs?: object };

async function ask(parameters: Parameters) {
  const answer = await client.chat.completions.create({
    model: 'test-model',
    messages: [{ role: 'user', content: 'What is in the picture?' }],
    max_tokens: 1200,
    ...parameters,
  });
  const [choice] = answer.choices;
  assert(choice !== undefined);
  return { text: choice.message.content ?? '', finish: choice.finish_reason, choices: answer.choices };
}

const jsonSchema = (schema: Record<string, unknown>) =>
  ({ type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } }) as const;

t.test('answers are valid for 200 random schemas', async (t) => {
  const random = new SeededRandom(2026);
  const validates = await jsonValidator();
  const schemas = Array.from({ length: 200 }, () => randomSchema(random));
  const wrong: unknown[] = [];
  await Promise.all(
    schemas.map(async (schema, seed) => {
      const { text, finish } = await ask({ response_format: jsonSchema(schema), seed, temperature: 1.5 });
      const valid = finish === 'stop' && validates(schema, JSON.parse(text));
      if (!valid) wrong.push({ schema: JSON.stringify(schema), text, finish });
    }),
  );
  t.strictSame(wrong, []);
});

t.test('each way of asking holds', async (t) => {
  const { text: object } = await ask({ response_format: { type: 'json_object' }, max_tokens: 200 });
  t.match(object, /^\{/);
  const { text: colour } = await ask({ structured_outputs: { choice: ['red', 'dark blue'] } });
  t.ok(['red', 'dark blue'].includes(colour), colour);
  const { text: code } = await ask({ structured_outputs: { regex: '^[A-Z]{2}-[0-9]{3}$' }, temperature: 0 });
  t.match(code, /^[A-Z]{2}-[0-9]{3}$/);
  const { text: sum } = await ask({ structured_outputs: { grammar: 'start: NUMBER ("+" NUMBER){2,3}\nNUMBER: /[1-9][0-9]?/' } });
  t.match(sum, /^[1-9][0-9]?(\+[1-9][0-9]?){2,3}$/);
  const { text: json } = await ask({ structured_outputs: { json: JSON.stringify({ enum: [1, 'two', null] }) } });
  t.ok([1, 'two', null].includes(JSON.parse(json)));
});

t.test('several choices are each of the form, and a seed gives the same text again', async (t) => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string', maxLength: 12 }, b: { type: 'boolean' } },
    required: ['a', 'b'],
    additionalProperties: false,
  };
  const twice = await Promise.all([1, 2].map(() => ask({ response_format: jsonSchema(schema), n: 4, seed: 5 })));
  const [first, second] = twice.map(({ choices }) => choices.map(({ message }) => message.content));
  for (const text of first ?? []) t.match(JSON.parse(text ?? ''), { a: String, b: Boolean });
  t.strictSame(first, second);
});

t.test('an answer that is cut says so', async (t) => {
  const { text, finish } = await ask({ structured_outputs: { regex: 'a{100}' }, max_tokens: 5 });
  t.equal(finish, 'length');
  t.match(text, /^a+$/);
});

t.test('a stream adds up to an answer of the form', async (t) => {
  const schema = {
    type: 'object',
    properties: { colour: { enum: ['red', 'grün', '蓝'] } },
    required: ['colour'],
    additionalProperties: false,
  };
  const stream = await client.chat.completions.create({
    model: 'test-model',
    messages: [{ role: 'user', content: 'What colour?' }],
    stream: true,
    response_format: jsonSchema(schema),
  });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  t.ok(['red', 'grün', '蓝'].includes(JSON.parse(text).colour), text);
});

t.test('the helpers of the client parse what comes', async (t) => {
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer', minimum: 1, maximum: 9 } },
    required: ['n'],
    additionalProperties: false,
  };
  const answer = await client.chat.completions.parse({
    model: 'test-model',
    messages: [{ role: 'user', content: 'How many?' }],
    response_format: jsonSchema(schema),
  });
  t.match(answer.choices[0]?.message.parsed, { n: Number });
});

t.test('what cannot be held to is refused before anything is sent', async (t) => {
  const refusals: [Parameters, object][] = [
    [
      { response_format: jsonSchema({ type: 'array', uniqueItems: true }) },
      { code: 'invalid_grammar', param: 'response_format.json_schema.schema' },
    ],
    [{ structured_outputs: { regex: '(?=a)' } }, { code: 'invalid_grammar', param: 'structured_outputs.regex' }],
    [
      { structured_outputs: { grammar: 'start: <|image|> "N"' } },
      { code: 'invalid_grammar', param: 'structured_outputs.grammar', message: /special token <\|image\|>/ },
    ],
    [{ structured_outputs: { regex: 'a', choice: ['b'] } }, { code: 'invalid_value', param: 'structured_outputs' }],
    [
      { structured_outputs: { whitespace_pattern: ' ' } },
      { code: 'unsupported_parameter', param: 'structured_outputs.whitespace_pattern' },
    ],
    [
      { structured_outputs: { regex: 'a' }, response_format: { type: 'json_object' } },
      { code: 'invalid_value', param: 'structured_outputs' },
    ],
    [{ structured_outputs: { json: '{' } }, { code: 'invalid_value', param: 'structured_outputs.json' }],
  ];
  for (const [parameters, expected] of refusals) {
    for (const stream of [false, true]) {
      const error = await ask({ ...parameters, stream } as Parameters).catch((error: unknown) => error);
      t.match(error, { status: 400, ...expected }, JSON.stringify(parameters));
    }
  }
});
