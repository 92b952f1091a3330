/** Calls are told from what a model says, however its text is cut. */
import fc from 'fast-check';
import t from 'tap';
import { createDialect, type Dialect } from '../../../inference/text/tool-calls/dialect.ts';
import { type ToolCallDelta, ToolCallParser } from '../../../inference/text/tool-calls/parser.ts';
import { cases, type Told } from './tool-call-cases.ts';

const names = ['get_weather', 'get_time'];
const special = (content: string, id: number) => ({
  id,
  content,
  special: true,
  normalized: false,
  singleWord: false,
  lstrip: false,
  rstrip: false,
});
const dialects: Readonly<Record<string, Dialect>> = {
  hermes: createDialect('<tool_call>', { addedTokens: [] }),
  mistral: createDialect('[TOOL_CALLS]', { addedTokens: [special('</s>', 2), special('[TOOL_CALLS]', 5), special('[INST]', 3)] }),
  llama3: createDialect('<|python_tag|>', { addedTokens: [special('<|python_tag|>', 9), special('<|eom_id|>', 8)] }),
  json: createDialect(null, { addedTokens: [] }),
};

function add(told: Told, deltas: readonly ToolCallDelta[]): void {
  for (const delta of deltas) {
    if (delta.type === 'content') told.content += delta.text;
    else if (delta.type === 'call') {
      t.equal(delta.index, told.calls.length, 'calls are counted');
      told.calls.push({ name: delta.name, arguments: '' });
    } else told.calls[delta.index]!.arguments += delta.text;
  }
}

function read(dialect: Dialect, pieces: readonly string[], cutOff = false, mostCalls = Number.POSITIVE_INFINITY): Told {
  const parser = new ToolCallParser({ dialect, names, mostCalls, callsOnly: false });
  const told: Told = { content: '', calls: [] };
  for (const piece of pieces) add(told, parser.push(piece));
  add(told, parser.end(cutOff));
  return told;
}

for (const { family, what, text, told, cutOff = told, mostCalls } of cases) {
  t.test(`${family}: ${what}`, async (t) => {
    const dialect = dialects[family]!;
    for (const [cut, expected] of [
      [false, told],
      [true, cutOff],
    ] as const) {
      t.strictSame(read(dialect, [text], cut, mostCalls), expected, cut ? 'cut off' : 'ended');
      const wrong = Array.from({ length: text.length + 1 }, (_, at) => at).filter((at) => {
        const got = read(dialect, [text.slice(0, at), text.slice(at)], cut, mostCalls);
        return JSON.stringify(got) !== JSON.stringify(expected);
      });
      t.strictSame(wrong, [], 'cut at each position');
      t.strictSame(read(dialect, text.split(''), cut, mostCalls), expected, 'character by character');
    }
  });
}

t.test('any text, cut anyhow, is read the same', async (t) => {
  const fragment = fc.constantFrom(
    ...[
      '<tool_call>',
      '</tool_call>',
      '<tool',
      '[TOOL_CALLS]',
      '[TOOL',
      '<|python_tag|>',
      '</s>',
      '{',
      '}',
      '[',
      ']',
      ',',
      ';',
      ':',
      ' ',
      '\n',
      '"',
    ],
    ...[
      '"name"',
      '"arguments": ',
      '"get_time"',
      '{"name": "get_time", "arguments": {"a": "\\u00e9}"}}',
      '\\',
      '\\u',
      '\ud83d',
      '\ude00',
      'text',
      '1',
    ],
  );
  const text = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(dialects)),
      text,
      fc.array(fc.nat(120), { maxLength: 8 }),
      fc.boolean(),
      (family, text, cuts, cutOff) => {
        const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
        t.strictSame(read(dialects[family]!, pieces, cutOff), read(dialects[family]!, [text], cutOff));
      },
    ),
    { numRuns: 500 },
  );
});

t.test('what is certain is told at once', async (t) => {
  const parser = new ToolCallParser({ dialect: dialects['hermes']!, names, mostCalls: 9, callsOnly: false });
  const steps: readonly (readonly [string, readonly ToolCallDelta[]])[] = [
    ['I look', [{ type: 'content', text: 'I look' }]],
    [' up ', [{ type: 'content', text: ' up' }]],
    ['<tool', []],
    ['_call>\n{"name": "get_w', []],
    ['eather",', [{ type: 'call', index: 0, name: 'get_weather' }]],
    [' "arguments": {"ci', [{ type: 'arguments', index: 0, text: '{"ci' }]],
    ['ty": "Os', [{ type: 'arguments', index: 0, text: 'ty": "Os' }]],
    ['lo"}}', [{ type: 'arguments', index: 0, text: 'lo"}' }]],
    ['\n</tool_call>', []],
    ['<', []],
    ['b', [{ type: 'content', text: '<b' }]],
  ];
  for (const [piece, expected] of steps) t.strictSame(parser.push(piece), expected, JSON.stringify(piece));
});

t.test('an answer in JSON that is no call is told before it is complete', async (t) => {
  const parser = new ToolCallParser({ dialect: dialects['json']!, names, mostCalls: 9, callsOnly: false });
  t.strictSame(parser.push('{"colour": "r'), [{ type: 'content', text: '{"colour": "r' }]);
});

t.test('of an answer that is held to calls nothing else is told, wherever it is cut', async (t) => {
  const whole = {
    hermes:
      '<tool_call>\n{"name": "get_time", "arguments": {"a": "b"}}\n</tool_call>\n<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>',
    mistral: '[TOOL_CALLS][{"name": "get_time", "arguments": {"a": "b"}}, {"name": "get_time", "arguments": {}}]',
    llama3: '{"name": "get_time", "parameters": {"a": "b"}}; {"name": "get_time", "parameters": {}}',
    json: '{"name": "get_time", "arguments": {"a": "b"}}\n{"name": "get_time", "arguments": {}}',
  };
  for (const [family, text] of Object.entries(whole)) {
    for (let length = 0; length <= text.length; length += 1) {
      const parser = new ToolCallParser({ dialect: dialects[family]!, names, mostCalls: 9, callsOnly: true });
      const told: Told = { content: '', calls: [] };
      add(told, parser.push(text.slice(0, length)));
      add(told, parser.end(length % 2 === 0));
      t.equal(told.content, '', text.slice(0, length));
      const last = told.calls.at(-1)?.arguments;
      t.equal(parser.brokenOff, last !== undefined && !['{"a": "b"}', '{}'].includes(last), text.slice(0, length));
    }
  }
});

t.test('a call is whole with its arguments, wherever its name stands', async (t) => {
  for (const [text, brokenOff] of [
    ['{"name": "get_time"', true],
    ['{"name": "get_time"}', false],
    ['{"arguments": {"a": 1}, "name": "get_time"', false],
    ['{"name": "get_time", "arguments": "{\\"a\\": 1', true],
    ['{"name": "get_time", "arguments": {"a": 1}, wrong', false],
    ['{"name": "get_time", "arguments": {}}\n{"name": "get_time", "arg', true],
    ['{"colour": "red', false],
  ] as const) {
    const parser = new ToolCallParser({ dialect: dialects['json']!, names, mostCalls: 9, callsOnly: false });
    parser.push(text);
    parser.end(false);
    t.equal(parser.brokenOff, brokenOff, text);
  }
  const dropping = new ToolCallParser({ dialect: dialects['json']!, names, mostCalls: 1, callsOnly: false });
  dropping.push('{"name": "get_time", "arguments": {}}\n{"name": "get_time", "arg');
  dropping.end(false);
  t.notOk(dropping.brokenOff, 'the call that is not told does not count');
});

t.test('families are told by their templates', async (t) => {
  const family = (template: string) => createDialect(template, { addedTokens: [] }).format.family;
  t.equal(family('… <tool_call>\n{"name": <function-name>'), 'hermes');
  t.equal(family('<tool_call><function=name>'), 'json', 'Qwen 3 Coder writes no JSON');
  t.equal(family("'[TOOL_CALLS] ['"), 'mistral');
  t.equal(family('[TOOL_CALLS]name[ARGS]'), 'json');
  t.equal(family('<|start_header_id|>ipython … "parameters"'), 'llama3');
  t.equal(family('{% if tools %}{{ tools | tojson }}'), 'json');
});
