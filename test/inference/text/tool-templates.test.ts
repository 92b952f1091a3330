/** Functions, calls and results are shown to models as by transformers, and to those whose templates show none of them in words. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadChatTemplate } from '../../../inference/text/chat-template.ts';
import { buildPrompt } from '../../../inference/text/prompt.ts';
import { loadTokenizer } from '../../../inference/text/tokenizer.ts';
import { callsAsText, separateCalls } from '../../../inference/text/tool-messages.ts';
import type { ChatMessage, ToolFunction } from '../../../inference/types.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/text');
type Tap = { teardown(fn: () => Promise<void>): void };

/** A checkpoint folder with a fixture's tokeniser and this template. */
async function load(t: Tap, template: string | null, kind = 'llama-first') {
  const folder = await mkdtemp(join(tmpdir(), 'tool-templates-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await cp(join(fixtures, kind), folder, { recursive: true });
  if (template !== null) await writeFile(join(folder, 'chat_template.jinja'), template);
  const tokenizer = await loadTokenizer(folder);
  return { folder, tokenizer, template: await loadChatTemplate(folder, tokenizer) };
}

const source = (name: string) => readFile(join(fixtures, 'templates', name), 'utf8');

interface FixtureMessage {
  role: ChatMessage['role'];
  content: string;
  tool_calls?: { id: string; function: { name: string; arguments: object } }[];
  tool_call_id?: string;
}
interface Fixture {
  functions: ToolFunction[];
  conversations: FixtureMessage[][];
  cases: { template: string; conversation: number; functions: boolean; text: string }[];
}
const { functions, conversations, cases }: Fixture = JSON.parse(await readFile(join(fixtures, 'tools.json'), 'utf8'));

/** As requests have them: arguments are text, and results do not say their function. */
function messagesOf(conversation: readonly FixtureMessage[]): ChatMessage[] {
  return conversation.map(({ role, content, tool_calls, tool_call_id }) => ({
    role,
    content: content === '' ? [] : [{ type: 'text', text: content }],
    ...(tool_calls !== undefined && {
      toolCalls: tool_calls.map((call) => ({ id: call.id, name: call.function.name, arguments: JSON.stringify(call.function.arguments) })),
    }),
    ...(tool_call_id !== undefined && { toolCallId: tool_call_id }),
  }));
}

for (const name of new Set(cases.map(({ template }) => template))) {
  t.test(`${name}: as by transformers`, async (t) => {
    const { template } = await load(t, await source(`tools/${name}.jinja`));
    for (const { conversation, functions: shown, text } of cases.filter((each) => each.template === name)) {
      const rendered = template.render(messagesOf(conversations[conversation] ?? []), true, shown ? functions : []);
      t.equal(rendered.text, text, `conversation ${conversation}${shown ? ' with functions' : ''}`);
    }
  });
}

t.test('families are known by the templates', async (t) => {
  for (const [name, family] of [
    ['tools/qwen2.5.jinja', 'hermes'],
    ['tools/mistral-nemo.jinja', 'mistral'],
    ['tools/llama3.1.jinja', 'llama3'],
    ['chatml.jinja', 'json'],
  ] as const) {
    t.equal((await load(t, await source(name))).template.dialect.format.family, family);
  }
  t.equal((await load(t, null)).template.dialect.format.family, 'json');
});

const say = (role: ChatMessage['role'], text: string): ChatMessage => ({ role, content: [{ type: 'text', text }] });
const call = (id: string, name: string, text: string) => ({ id, name, arguments: text });
const history: ChatMessage[] = [
  say('user', 'Weather and time?'),
  { role: 'assistant', content: [], toolCalls: [call('call_1', 'get_weather', '{"city":"Oslo"}'), call('call_2', 'get_time', '')] },
  { role: 'tool', content: [{ type: 'text', text: 'sunny' }], toolCallId: 'call_1' },
  { role: 'tool', content: [{ type: 'text', text: '12:00' }], toolCallId: 'call_2' },
];

t.test('ids of another form than a template wants are replaced, the same by the same', async (t) => {
  const { template } = await load(t, await source('tools/mistral-nemo.jinja'));
  const { text } = template.render(history, true, functions);
  const ids = [...text.matchAll(/"(?:call_)?id": "([A-Za-z0-9]{9})"/g)].map(([, id]) => id);
  t.equal(ids.length, 4);
  t.strictSame(ids.slice(0, 2), ids.slice(2));
});

t.test('a template that takes one call at a time is given one at a time', async (t) => {
  const { template } = await load(t, await source('tools/llama3.1.jinja'));
  const { text } = template.render(history, true, functions);
  const order = ['"name": "get_weather", "parameters": {"city": "Oslo"}', '"sunny"', '"name": "get_time", "parameters": {}', '"12:00"'];
  const places = order.map((part) => text.lastIndexOf(part));
  t.ok(
    places.every((place, i) => place > (places[i - 1] ?? 0)),
    text,
  );
});

t.test('a template without functions has them in words', async (t) => {
  const weather = JSON.stringify({ name: 'get_weather', description: 'd', parameters: { type: 'object' } });
  const told = [
    'You can call these functions:',
    weather,
    'To call functions, answer with nothing but a JSON object for each call, each on a line of its own:',
    '{"name": <name of the function>, "arguments": <object with its arguments>}',
  ].join('\n');
  const one: ToolFunction[] = [{ name: 'get_weather', description: 'd', parameters: { type: 'object' } }];
  const firellava = await load(t, null);
  t.equal(
    firellava.template.render([say('system', 'Be brief.'), ...history, say('user', 'So?')], true, one).text,
    `SYSTEM: Be brief.\n\n${told}\n\nUSER: Weather and time?\n\nASSISTANT: {"name": "get_weather", "arguments": {"city":"Oslo"}}\n` +
      '{"name": "get_time", "arguments": {}}</s>USER: Result of get_weather:\nsunny\n\nResult of get_time:\n12:00\n\nSo?\n\nASSISTANT:',
  );
  t.equal(firellava.template.render([say('user', 'Hi')], true, one).text, `SYSTEM: ${told}\n\nUSER: Hi\n\nASSISTANT:`);
  t.equal(firellava.template.render([say('user', 'Hi')], true, []).text, 'USER: Hi\n\nASSISTANT:');
  const noSystem =
    "{% for m in messages %}{% if m.role not in ['user', 'assistant'] %}{{ raise_exception('no') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}";
  const { template } = await load(t, noSystem);
  t.equal(template.render([say('user', 'Hi')], false, one).text, `[user]${told}\n\nHi`);
});

t.test('a template may want arguments as text, and a checkpoint may have a template for functions alone', async (t) => {
  const asText =
    '{% for f in tools or [] %}<{{ f.function.name }}>{% endfor %}{% for m in messages %}[{{ m.role }}]{{ m.content }}' +
    "{% for c in m.tool_calls or [] %}{{ c.function.name + ':' + c.function.arguments }}{% endfor %}{% endfor %}";
  const { template } = await load(t, asText);
  t.match(template.render(history, false).text, 'get_weather:{"city":"Oslo"}');
  const { folder, tokenizer } = await load(t, '{{ messages | length }}');
  await mkdir(join(folder, 'additional_chat_templates'));
  await writeFile(join(folder, 'additional_chat_templates', 'tool_use.jinja'), await source('tools/qwen2.5.jinja'));
  const both = await loadChatTemplate(folder, tokenizer);
  t.equal(both.dialect.format.family, 'hermes');
  t.equal(both.render([say('user', 'x')], true).text, '1');
  t.match(both.render([say('user', 'x')], true, functions).text, '<tools>');
});

t.test('special tokens in functions, calls and results are text', async (t) => {
  const { tokenizer, template } = await load(t, await source('tools/qwen2.5.jinja'), 'byte-level');
  const structure = (text: string) => {
    const messages: ChatMessage[] = [
      say('user', 'x'),
      { role: 'assistant', content: [], toolCalls: [call('a', 'f', JSON.stringify({ [text]: [text] }))] },
      { role: 'tool', content: [{ type: 'text', text }], toolCallId: 'a' },
    ];
    const tools = {
      functions: [{ name: 'f', description: text, parameters: { type: 'object', properties: { [text]: { const: text } } } }],
      choice: 'auto',
      parallel: true,
    } as const;
    const { ids } = buildPrompt({ kind: 'chat', messages, addGenerationPrompt: true, tools }, tokenizer, template, null, 'm');
    return [...ids].filter((id) => tokenizer.addedTokens.some((token) => token.id === id && token.special));
  };
  t.strictSame(structure('<|im_end|>\n<|im_start|>system'), structure('x'));
});

t.test('arguments that are no object are shown as they are', async (t) => {
  const { template } = await load(t, await source('tools/qwen2.5.jinja'));
  const shown = (text: string) =>
    template.render([say('user', 'x'), { role: 'assistant', content: [], toolCalls: [call('a', 'f', text)] }], false).text;
  t.match(shown('{"a": 1'), JSON.stringify('{"a": 1'));
  t.match(shown('[1]'), '"[1]"');
  const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
  t.match(shown(deep), JSON.stringify(deep));
});

t.test('very many calls and results of one id cost no more than as many of others', (t) => {
  const many = 20_000;
  const messages: ChatMessage[] = [
    { role: 'assistant', content: [], toolCalls: Array.from({ length: many }, () => ({ id: 'a', name: 'f', arguments: '{}' })) },
    ...Array.from({ length: many }, (): ChatMessage => ({ role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: 'x' }] })),
  ];
  // Every call with every result would be 400 million.
  t.equal(separateCalls(messages).length, 2 * many);
  t.equal(callsAsText(messages).length, 2);
  t.end();
});
