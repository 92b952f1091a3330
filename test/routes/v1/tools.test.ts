/** Functions in requests and answers: what reaches the engine, what is refused, and the shapes of OpenAI. */
import t from 'tap';
import type { GenerationEvent } from '../../../inference/types.ts';
import { chat, streamed, testApp } from '../../app-helper.ts';
import { type Script, scriptedBackend } from '../../scripted-backend.ts';

const url = '/v1/chat/completions';
const parameters = { type: 'object', properties: { city: { type: ['string', 'null'], default: null } } };
const weather = { type: 'function', function: { name: 'get_weather', description: 'd', parameters, strict: true } };
const time = { type: 'function', function: { name: 'get_time', description: null, parameters: null, strict: null } };
const tools = [weather, time];
const functions = [{ name: 'get_weather', description: 'd', parameters, strict: true }, { name: 'get_time' }];

t.test('functions and the choice among them reach the engine', async (t) => {
  const { app, backend } = testApp(t);
  const asked: readonly (readonly [object, object | undefined])[] = [
    [{}, undefined],
    [{ tools: [] }, undefined],
    [{ tools, tool_choice: 'none' }, undefined],
    [{ tools }, { functions, choice: 'auto', parallel: true }],
    [
      { tools, tool_choice: null, parallel_tool_calls: null },
      { functions, choice: 'auto', parallel: true },
    ],
    [
      { tools, parallel_tool_calls: false },
      { functions, choice: 'auto', parallel: false },
    ],
    [
      { tools, tool_choice: 'required' },
      { functions, choice: 'required', parallel: true },
    ],
    [
      { tools, tool_choice: { type: 'function', function: { name: 'get_time' } } },
      { functions, choice: 'required', only: ['get_time'], parallel: false },
    ],
    [
      {
        tools,
        tool_choice: {
          type: 'allowed_tools',
          allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'get_time' } }] },
        },
      },
      { functions, choice: 'auto', only: ['get_time'], parallel: true },
    ],
  ];
  for (const [overrides, expected] of asked) {
    const response = await app.inject({ method: 'POST', url, payload: chat(overrides) });
    t.equal(response.statusCode, 200, response.body);
    t.equal(response.headers['x-ignored-parameters'], undefined);
    const prompt = backend.requests.at(-1)?.prompt;
    t.strictSame(prompt?.kind === 'chat' ? prompt.tools : null, expected, JSON.stringify(overrides));
  }
});

const call = (id: string) => ({ id, type: 'function', function: { name: 'get_weather', arguments: '{"city":null}' } });

t.test('calls and results of earlier turns reach the engine', async (t) => {
  const { app, backend } = testApp(t);
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: null, tool_calls: [call('call_1'), call('call_2')] },
    { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
    { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'rainy' }] },
    { role: 'assistant', content: 'Well.', tool_calls: [] },
    { role: 'user', content: 'So?' },
  ];
  const response = await app.inject({ method: 'POST', url, payload: chat({ messages }) });
  t.equal(response.statusCode, 200, response.body);
  const prompt = backend.requests[0]!.prompt;
  const toolCalls = ['call_1', 'call_2'].map((id) => ({ id, name: 'get_weather', arguments: '{"city":null}' }));
  t.strictSame(prompt.kind === 'chat' && prompt.messages.slice(1, 5), [
    { role: 'assistant', content: [], toolCalls },
    { role: 'tool', content: [{ type: 'text', text: 'sunny' }], toolCallId: 'call_1' },
    { role: 'tool', content: [{ type: 'text', text: 'rainy' }], toolCallId: 'call_2' },
    { role: 'assistant', content: [{ type: 'text', text: 'Well.' }] },
  ]);
});

const named = (name: unknown) => ({ type: 'function', function: { name } });
const nested = (depth: number): object => (depth === 0 ? {} : { items: nested(depth - 1) });
const allowed = (mode: string, ...names: string[]) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: names.map(named) } });
const history = (...messages: object[]) => ({ messages: [{ role: 'user', content: 'Hi' }, ...messages] });

const wrong: readonly (readonly [string, object, string, string])[] = [
  ['tools of a wrong type', { tools: {} }, 'tools', 'invalid_type'],
  ['a tool of another type', { tools: [{ type: 'custom', custom: { name: 'f' } }] }, 'tools[0].type', 'invalid_value'],
  ['a tool without function', { tools: [{ type: 'function' }] }, 'tools[0].function', 'missing_required_parameter'],
  ['no name', { tools: [weather, { type: 'function', function: {} }] }, 'tools[1].function.name', 'missing_required_parameter'],
  ['wrong characters in a name', { tools: [named('get weather')] }, 'tools[0].function.name', 'invalid_value'],
  ['an empty name', { tools: [named('')] }, 'tools[0].function.name', 'invalid_value'],
  ['a long name', { tools: [named('f'.repeat(65))] }, 'tools[0].function.name', 'invalid_value'],
  ['a name twice', { tools: [weather, time, named('get_weather')] }, 'tools[2].function.name', 'invalid_value'],
  ['129 functions', { tools: Array.from({ length: 129 }, (_, i) => named(`f${i}`)) }, 'tools', 'array_above_max_length'],
  [
    'parameters that are no object',
    { tools: [{ type: 'function', function: { name: 'f', parameters: 'x' } }] },
    'tools[0].function.parameters',
    'invalid_type',
  ],
  [
    'parameters of something else than an object',
    { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'array' } } }] },
    'tools[0].function.parameters',
    'invalid_function_parameters',
  ],
  [
    'parameters without bottom',
    { tools: [{ type: 'function', function: { name: 'f', parameters: nested(200) } }] },
    'tools[0].function.parameters',
    'invalid_value',
  ],
  ['an unknown choice', { tools, tool_choice: 'maybe' }, 'tool_choice', 'invalid_value'],
  ['a choice of a wrong type', { tools, tool_choice: 5 }, 'tool_choice', 'invalid_type'],
  ['a choice of an unknown kind', { tools, tool_choice: { type: 'custom' } }, 'tool_choice.type', 'invalid_value'],
  [
    'a choice without name',
    { tools, tool_choice: { type: 'function', function: {} } },
    'tool_choice.function.name',
    'missing_required_parameter',
  ],
  ['a choice that is not there', { tools, tool_choice: named('fly') }, 'tool_choice.function.name', 'invalid_value'],
  [
    'allowed tools that are not there',
    { tools, tool_choice: allowed('auto', 'get_time', 'fly') },
    'tool_choice.allowed_tools.tools[1].function.name',
    'invalid_value',
  ],
  ['no allowed tools', { tools, tool_choice: allowed('auto') }, 'tool_choice.allowed_tools.tools', 'empty_array'],
  ['an unknown mode', { tools, tool_choice: allowed('never', 'get_time') }, 'tool_choice.allowed_tools.mode', 'invalid_value'],
  ['required without tools', { tool_choice: 'required' }, 'tool_choice', 'invalid_value'],
  ['a named function without tools', { tools: [], tool_choice: named('f') }, 'tool_choice', 'invalid_value'],
  ['parallel_tool_calls as text, without functions', { parallel_tool_calls: 'x' }, 'parallel_tool_calls', 'invalid_type'],
  ['parallel_tool_calls as text', { tools, parallel_tool_calls: 'no' }, 'parallel_tool_calls', 'invalid_type'],
  ['a result without id', history({ role: 'tool', content: 'x' }), 'messages[1].tool_call_id', 'missing_required_parameter'],
  ['a result without content', history({ role: 'tool', tool_call_id: 'a' }), 'messages[1].content', 'missing_required_parameter'],
  ['a result of no call', history({ role: 'tool', tool_call_id: 'a', content: 'x' }), 'messages[1].tool_call_id', 'invalid_value'],
  [
    'a picture in a result',
    history(
      { role: 'assistant', tool_calls: [call('a')] },
      { role: 'tool', tool_call_id: 'a', content: [{ type: 'image_url', image_url: 'data:' }] },
    ),
    'messages[2].content[0].type',
    'invalid_value',
  ],
  [
    'a call without arguments',
    history({ role: 'assistant', tool_calls: [{ ...call('a'), function: { name: 'f' } }] }),
    'messages[1].tool_calls[0].function.arguments',
    'missing_required_parameter',
  ],
  [
    'a call without id',
    history({ role: 'assistant', tool_calls: [{ ...call('a'), id: undefined }] }),
    'messages[1].tool_calls[0].id',
    'missing_required_parameter',
  ],
  [
    'neither content nor calls',
    history({ role: 'assistant', content: null, tool_calls: [] }),
    'messages[1].content',
    'missing_required_parameter',
  ],
  ['former functions', { functions: [{ name: 'f' }] }, 'functions', 'unsupported_parameter'],
  ['a former function call', { function_call: { name: 'f' } }, 'function_call', 'unsupported_parameter'],
  ['another form of the whole answer', { tools, structured_outputs: { regex: 'a' } }, 'structured_outputs', 'unsupported_parameter'],
  ['no end of forced calls', { tools, tool_choice: 'required', ignore_eos: true }, 'ignore_eos', 'unsupported_parameter'],
  ['a least length of forced calls', { tools, tool_choice: 'required', min_tokens: 5 }, 'min_tokens', 'unsupported_parameter'],
];

t.test('wrong requests are refused by field', async (t) => {
  const { app, backend } = testApp(t);
  for (const [what, overrides, param, code] of wrong) {
    const response = await app.inject({ method: 'POST', url, payload: chat(overrides) });
    t.equal(response.statusCode, 400, what);
    t.match(response.json(), { error: { type: 'invalid_request_error', param, code, message: /\w{3}/ } }, `${what}: ${response.body}`);
  }
  t.equal(backend.requests.length, 0);
});

/** Two calls behind a word in the first choice, cut short in the second one, nothing but text in the third. */
const calling: Script = async function* ({ n }) {
  yield { type: 'start', promptTokens: 7, imageTokens: 0, promptText: '' };
  const events: readonly GenerationEvent[] = [
    { type: 'text', choice: 0, text: n > 1 ? 'Hm.' : '', tokenIds: [1] },
    { type: 'call', choice: 0, index: 0, name: 'get_weather' },
    { type: 'arguments', choice: 0, index: 0, text: '{"city":' },
    { type: 'call', choice: 1, index: 0, name: 'get_time' },
    { type: 'arguments', choice: 0, index: 0, text: ' "Oslo"}' },
    { type: 'arguments', choice: 1, index: 0, text: '{"a' },
    { type: 'call', choice: 0, index: 1, name: 'get_time' },
    { type: 'arguments', choice: 0, index: 1, text: '{}' },
    { type: 'text', choice: 2, text: 'No.', tokenIds: [1] },
  ];
  for (const event of events) if (!('choice' in event) || event.choice < n) yield event;
  for (let choice = 0; choice < n; choice += 1) {
    yield { type: 'finish', choice, reason: choice === 1 ? 'length' : 'stop', completionTokens: 5 };
  }
  yield {
    type: 'done',
    usage: { promptTokens: 7, completionTokens: 5 * n, imageTokens: 0, cachedTokens: 0 },
    timings: { queueMs: 1, prefillMs: 2, decodeMs: 3 },
  };
};

const id = /^call_[0-9a-f]{24}$/;

t.test('an answer in one piece has calls in the shape of OpenAI', async (t) => {
  const { app } = testApp(t, scriptedBackend(calling));
  const three = (await app.inject({ method: 'POST', url, payload: chat({ tools, n: 3 }) })).json();
  t.match(three.choices, [
    {
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: 'Hm.',
        refusal: null,
        tool_calls: [
          { id, type: 'function', function: { name: 'get_weather', arguments: '{"city": "Oslo"}' } },
          { id, type: 'function', function: { name: 'get_time', arguments: '{}' } },
        ],
      },
    },
    { finish_reason: 'length', message: { content: null, tool_calls: [{ function: { name: 'get_time', arguments: '{"a' } }] } },
    { finish_reason: 'stop', message: { content: 'No.' } },
  ]);
  t.notOk('tool_calls' in three.choices[2].message);
  const ids = three.choices.flatMap((choice: { message: { tool_calls?: { id: string }[] } }) =>
    (choice.message.tool_calls ?? []).map((each) => each.id),
  );
  t.equal(new Set(ids).size, 3, 'ids are unique');
  const one = (await app.inject({ method: 'POST', url, payload: chat({ tools }) })).json();
  t.equal(one.choices[0].message.content, null, 'calls alone leave no content');
});

t.test('an answer that ends within a call did not end to have it carried out', async (t) => {
  const cut: Script = async function* (request, signal) {
    for await (const event of calling(request, signal)) yield event.type === 'finish' ? { ...event, brokenOff: true } : event;
  };
  const { app } = testApp(t, scriptedBackend(cut));
  const whole = (await app.inject({ method: 'POST', url, payload: chat({ tools }) })).json();
  t.equal(whole.choices[0].finish_reason, 'stop');
  const response = await app.inject({ method: 'POST', url, payload: chat({ tools, stream: true }) });
  t.match(streamed(response.body).at(-2), { choices: [{ delta: {}, finish_reason: 'stop' }] });
});

t.test('a stream has calls in the shape of OpenAI', async (t) => {
  const { app } = testApp(t, scriptedBackend(calling));
  const response = await app.inject({ method: 'POST', url, payload: chat({ tools, stream: true }) });
  const chunks = streamed(response.body).slice(0, -1) as { choices: { delta: object; finish_reason: string | null }[] }[];
  t.match(
    chunks.map(({ choices }) => [choices[0]?.delta, choices[0]?.finish_reason]),
    [
      [{ role: 'assistant', content: '' }, null],
      [{ tool_calls: [{ index: 0, id, type: 'function', function: { name: 'get_weather', arguments: '' } }] }, null],
      [{ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }, null],
      [{ tool_calls: [{ index: 0, function: { arguments: ' "Oslo"}' } }] }, null],
      [{ tool_calls: [{ index: 1, id, type: 'function', function: { name: 'get_time', arguments: '' } }] }, null],
      [{ tool_calls: [{ index: 1, function: { arguments: '{}' } }] }, null],
      [{}, 'tool_calls'],
    ],
  );
  t.equal(chunks.length, 7);
});
