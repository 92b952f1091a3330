/** What models say, family by family, and what is to be told of it. */

export interface Told {
  content: string;
  calls: { name: string; arguments: string }[];
}

interface Case {
  readonly family: 'hermes' | 'mistral' | 'llama3' | 'json';
  readonly what: string;
  readonly text: string;
  readonly told: Told;
  /** What is told if the text ends because it grew too long; the same if absent. */
  readonly cutOff?: Told;
  readonly mostCalls?: number;
}

function told(content: string, ...calls: readonly (readonly [name: string, text: string])[]): Told {
  return { content, calls: calls.map(([name, text]) => ({ name, arguments: text })) };
}

export const cases: readonly Case[] = [
  { family: 'hermes', what: 'no call', text: 'Hello, world. ', told: told('Hello, world. ') },
  { family: 'hermes', what: 'nothing', text: '', told: told('') },
  {
    family: 'hermes',
    what: 'one call',
    text: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
    told: told('', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'hermes',
    what: 'text before a call',
    text: 'I look.\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
    told: told('I look.', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'hermes',
    what: 'two calls',
    text: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>\n<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>\n',
    told: told('', ['get_weather', '{"city": "Oslo"}'], ['get_time', '{}']),
  },
  {
    family: 'hermes',
    what: 'text between and behind calls',
    text: 'a <tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call> b <tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>\n\nc ',
    told: told('a b\n\nc ', ['get_weather', '{"city": "Oslo"}'], ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'hermes',
    what: 'an unknown function is a call',
    text: '<tool_call>{"name": "fly", "arguments": {}}</tool_call>',
    told: told('', ['fly', '{}']),
  },
  {
    family: 'hermes',
    what: 'arguments before the name',
    text: '<tool_call>{"arguments": {"a": [1, 2]}, "name": "fly"}</tool_call>',
    told: told('', ['fly', '{"a": [1, 2]}']),
  },
  {
    family: 'hermes',
    what: 'members that mean nothing',
    text: '<tool_call>{"id": "x", "n": {"name": "no", "l": [1.5e3, null]}, "name": "fly", "arguments": {}, "more": true}</tool_call>',
    told: told('', ['fly', '{}']),
  },
  { family: 'hermes', what: 'no arguments', text: '<tool_call>{"name": "get_time"}</tool_call>', told: told('', ['get_time', '{}']) },
  {
    family: 'hermes',
    what: 'null for no arguments',
    text: '<tool_call>{"name": "get_time", "arguments": null}</tool_call>',
    told: told('', ['get_time', '{}']),
  },
  {
    family: 'hermes',
    what: 'arguments in a string',
    text: '<tool_call>{"name": "f", "arguments": "{\\"a\\": \\"\\\\\\"\\u00e9\\ud83d\\ude00\\\\n\\"}"}</tool_call>',
    told: told('', ['f', '{"a": "\\"é😀\\n"}']),
  },
  {
    family: 'hermes',
    what: 'braces, quotes and marks within strings',
    text: '<tool_call>{"name": "f", "arguments": {"a": "}]\\"</tool_call>\\\\"}}</tool_call>',
    told: told('', ['f', '{"a": "}]\\"</tool_call>\\\\"}']),
  },
  {
    family: 'hermes',
    what: 'what is no call is content, mark and all',
    text: 'x <tool_call>later</tool_call>',
    told: told('x <tool_call>later'),
  },
  {
    family: 'hermes',
    what: 'an object without a name is content',
    text: '<tool_call>{"a": 1}</tool_call>!',
    told: told('<tool_call>{"a": 1}!'),
  },
  {
    family: 'hermes',
    what: 'what looks like a mark',
    text: 'a <tool b </tool_cal> <<tool_call',
    told: told('a <tool b </tool_cal> <<tool_call'),
    cutOff: told('a <tool b </tool_cal> <'),
  },
  { family: 'hermes', what: 'a mark that is not complete', text: 'a <tool_', told: told('a <tool_'), cutOff: told('a ') },
  {
    family: 'hermes',
    what: 'a name that is not complete',
    text: 'a <tool_call>\n{"name": "get_w',
    told: told('a <tool_call>\n{"name": "get_w'),
    cutOff: told('a '),
  },
  {
    family: 'hermes',
    what: 'arguments that are not complete',
    text: 'a <tool_call>\n{"name": "get_weather", "arguments": {"city": "Os',
    told: told('a', ['get_weather', '{"city": "Os']),
  },
  {
    family: 'hermes',
    what: 'arguments that break off',
    text: '<tool_call>{"name": "f", "arguments": {"a": <b>}}</tool_call> so',
    told: told('<b>}} so', ['f', '{"a": ']),
  },
  {
    family: 'hermes',
    what: 'only one call is wanted',
    text: '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call><tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>.',
    told: told('.', ['get_weather', '{"city": "Oslo"}']),
    mostCalls: 1,
  },
  { family: 'hermes', what: 'white space alone', text: ' \n ', told: told(' \n ') },
  {
    family: 'hermes',
    what: 'characters outside of the basic plane',
    text: '😀 <tool_call>{"name": "f", "arguments": {"a": "😀é中"}}</tool_call>',
    told: told('😀', ['f', '{"a": "😀é中"}']),
  },
  {
    family: 'mistral',
    what: 'one call',
    text: '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Oslo"}}]',
    told: told('', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'mistral',
    what: 'two calls, with ids',
    text: '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Oslo"}, "id": "abcdefghi"}, {"name": "get_time", "arguments": {}, "id": "123456789"}]</s>',
    told: told('', ['get_weather', '{"city": "Oslo"}'], ['get_time', '{}']),
  },
  {
    family: 'mistral',
    what: 'a call outside of a list',
    text: 'Well. [TOOL_CALLS]{"name": "get_weather", "arguments": {"city": "Oslo"}}',
    told: told('Well.', ['get_weather', '{"city": "Oslo"}']),
  },
  { family: 'mistral', what: 'special tokens are left out', text: '[INST]a[/INST] [b]</s>', told: told('a[/INST] [b]') },
  { family: 'mistral', what: 'an empty list', text: '[TOOL_CALLS][]', told: told('[TOOL_CALLS][]') },
  {
    family: 'mistral',
    what: 'a list that is not complete',
    text: '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"na',
    told: told('{"na', ['get_weather', '{"city": "Oslo"}']),
    cutOff: told('', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'llama3',
    what: 'one call',
    text: '{"name": "get_weather", "parameters": {"city": "Oslo"}}',
    told: told('', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'llama3',
    what: 'white space in front',
    text: '\n\n{"name": "get_weather", "parameters": {"city": "Oslo"}}\n',
    told: told('', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'llama3',
    what: 'two calls',
    text: '{"name": "get_weather", "parameters": {"city": "Oslo"}}; {"name": "get_weather", "parameters": {"city": "Oslo"}}',
    told: told('', ['get_weather', '{"city": "Oslo"}'], ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'llama3',
    what: 'behind a mark',
    text: '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Oslo"}}<|eom_id|>',
    told: told('', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'llama3',
    what: 'behind text and a mark',
    text: 'Hm. <|python_tag|>{"name": "get_weather", "parameters": {"city": "Oslo"}}',
    told: told('Hm.', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'llama3',
    what: 'with a type',
    text: '{"type": "function", "name": "get_time", "parameters": {}}',
    told: told('', ['get_time', '{}']),
  },
  {
    family: 'llama3',
    what: 'a bare object of another kind is an answer',
    text: '{"name": "Ann", "parameters": {}} ',
    told: told('{"name": "Ann", "parameters": {}} '),
  },
  {
    family: 'llama3',
    what: 'behind a mark any name is a function',
    text: '<|python_tag|>{"name": "fly", "parameters": {}}',
    told: told('', ['fly', '{}']),
  },
  {
    family: 'llama3',
    what: 'a call later in the text is text',
    text: 'So: {"name": "get_weather", "parameters": {"city": "Oslo"}}',
    told: told('So: {"name": "get_weather", "parameters": {"city": "Oslo"}}'),
  },
  { family: 'llama3', what: 'code behind the mark is content', text: '<|python_tag|>print(1)', told: told('<|python_tag|>print(1)') },
  {
    family: 'json',
    what: 'one call',
    text: '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
    told: told('', ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'json',
    what: 'a call on each line',
    text: '{"name": "get_weather", "arguments": {"city": "Oslo"}}\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n',
    told: told('', ['get_weather', '{"city": "Oslo"}'], ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'json',
    what: 'a list of calls',
    text: '[{"name": "get_weather", "arguments": {"city": "Oslo"}}, {"name": "get_weather", "arguments": {"city": "Oslo"}}]',
    told: told('', ['get_weather', '{"city": "Oslo"}'], ['get_weather', '{"city": "Oslo"}']),
  },
  {
    family: 'json',
    what: 'text behind a call',
    text: '{"name": "get_weather", "arguments": {"city": "Oslo"}}\nDone.',
    told: told('Done.', ['get_weather', '{"city": "Oslo"}']),
  },
  { family: 'json', what: 'a list of something else', text: '[1, 2]', told: told('[1, 2]') },
  { family: 'json', what: 'an object of something else', text: ' {"id": 5} \n', told: told(' {"id": 5} \n') },
  { family: 'json', what: 'not complete', text: '{"name": "get_', told: told('{"name": "get_') },
  {
    family: 'json',
    what: 'a second call that is not complete',
    text: '{"name": "get_weather", "arguments": {"city": "Oslo"}}\n{"name": "get_',
    told: told('{"name": "get_', ['get_weather', '{"city": "Oslo"}']),
    cutOff: told('', ['get_weather', '{"city": "Oslo"}']),
  },
];
