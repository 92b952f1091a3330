/** What an answer that calls functions is held to, family by family. */
import t from 'tap';
import { toolGrammar } from '../../../inference/grammar/tool-grammar.ts';
import { createDialect, type Dialect } from '../../../inference/text/tool-calls/dialect.ts';
import type { ToolFunction, ToolUse } from '../../../inference/types.ts';
import { allowed, checkpoints, never, openService } from './grammar-helper.ts';

const { service, tokenizer } = await openService(checkpoints.tiny, t);
/** A special token of the model, which has no text, in the place of a mark. */
const markId = tokenizer.idOf('<pad>') ?? -1;

const templates = {
  hermes: '<tool_call>',
  mistral: '[TOOL_CALLS]',
  llama3: '<|python_tag|>',
  json: 'nothing that is known',
};

function dialectOf(family: keyof typeof templates, special = false): Dialect {
  const tokens = special
    ? [{ id: markId, content: templates[family], special, normalized: false, singleWord: false, lstrip: false, rstrip: false }]
    : [];
  return createDialect(templates[family], { addedTokens: tokens });
}

const weather: ToolFunction = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { $ref: '#/$defs/city' } },
    required: ['city'],
    additionalProperties: false,
    $defs: { city: { enum: ['Oslo', 'Bonn'] } },
  },
};
const time: ToolFunction = { name: 'get_time' };
const free: ToolFunction = { name: 'log', parameters: {} };
const use = (overrides: Partial<ToolUse>): ToolUse => ({
  functions: [weather, time, free],
  choice: 'required',
  parallel: true,
  ...overrides,
});

/** True if the answer, a text in which `¤` stands for the special token, may be written and end. */
async function takes(grammar: ReturnType<typeof toolGrammar>, text: string): Promise<boolean> {
  if (grammar === null) throw new Error('There is no grammar.');
  const state = await service.open(grammar, 'tools', never);
  try {
    const ids = text.split('¤').flatMap((part, index) => [...(index === 0 ? [] : [markId]), ...tokenizer.encode(part, { special: false })]);
    for (const id of ids) {
      if (!(await allowed(state, tokenizer.vocabSize)).includes(id)) return false;
      state.accept(id);
    }
    return (await allowed(state, tokenizer.vocabSize)).includes(tokenizer.eosTokenIds[0] ?? -1);
  } finally {
    state.close();
  }
}

const oslo = '{"name": "get_weather", "arguments": {"city":"Oslo"}}';
const now = '{"name": "get_time", "arguments": {}}';

t.test('forced calls have the form of the family', async (t) => {
  const cases: readonly (readonly [Dialect, string, string])[] = [
    [dialectOf('hermes'), `<tool_call>\n${oslo}\n</tool_call>`, `<tool_call>\n${oslo}\n</tool_call>\n<tool_call>\n${now}\n</tool_call>`],
    [dialectOf('mistral'), `[TOOL_CALLS][${oslo}]`, `[TOOL_CALLS][${oslo}, ${now}]`],
    [dialectOf('mistral', true), `¤[${oslo}]`, `¤[${oslo}, ${now}]`],
    [dialectOf('llama3'), oslo.replace('arguments', 'parameters'), `${oslo}; ${now}`.replaceAll('arguments', 'parameters')],
    [dialectOf('json'), oslo, `${oslo}\n${now}`],
  ];
  for (const [dialect, one, two] of cases) {
    const { family } = dialect.format;
    const several = toolGrammar(use({}), dialect, null);
    t.ok(await takes(several, one), family);
    t.ok(await takes(several, two), `${family}: two calls`);
    t.notOk(await takes(several, one.replace('Oslo', 'Rome')), `${family}: not by the schema`);
    t.notOk(await takes(several, one.replace('get_weather', 'get_wealth')), `${family}: no such function`);
    t.notOk(await takes(several, 'Oslo'), `${family}: text`);
    t.notOk(await takes(several, ''), `${family}: nothing`);
    const single = toolGrammar(use({ parallel: false }), dialect, null);
    t.ok(await takes(single, one), family);
    t.notOk(await takes(single, two), `${family}: only one call`);
    const named = toolGrammar(use({ only: ['get_time'] }), dialect, null);
    t.notOk(await takes(named, one), `${family}: not the named function`);
  }
});

t.test('where the model may call, only strict functions and those that may be called are held to', async (t) => {
  t.equal(toolGrammar(use({ choice: 'auto' }), dialectOf('hermes'), null), null);
  const strict = { functions: [{ ...weather, strict: true }, free], choice: 'auto' } as const;
  const rome = oslo.replace('Oslo', 'Rome');
  const anything = '{"name": "log", "arguments": {"a": [1, null]}}';
  const hermes = (call: string) => `<tool_call>\n${call}\n</tool_call>`;
  const cases: readonly (readonly [Dialect, (call: string) => string])[] = [
    [dialectOf('hermes'), (call) => `Let me see <b> \n${hermes(call)}`],
    [dialectOf('hermes', true), (call) => `Let me see <b> \n¤\n${call}\n</tool_call>`],
    [dialectOf('mistral'), (call) => `Well.[TOOL_CALLS][${call}]`],
    [dialectOf('mistral', true), (call) => `¤[${call}]`],
    [dialectOf('llama3'), (call) => call.replace('arguments', 'parameters')],
    [dialectOf('llama3', true), (call) => `¤${call.replace('arguments', 'parameters')}`],
    [dialectOf('json'), (call) => call],
  ];
  for (const [dialect, write] of cases) {
    const { family } = dialect.format;
    const grammar = toolGrammar(use({ ...strict }), dialect, null);
    t.ok(await takes(grammar, 'Just text, with < and [ in it.\n'), `${family}: text`);
    t.ok(await takes(grammar, ''), `${family}: nothing`);
    t.ok(await takes(grammar, write(oslo)), `${family}: a call ${write(oslo)}`);
    t.ok(await takes(grammar, write(anything)), `${family}: a function that is not strict`);
    t.notOk(await takes(grammar, write(rome)), `${family}: a call that is not by the schema`);
    t.notOk(await takes(grammar, write(now)), `${family}: a function that does not exist`);
  }
  const several = toolGrammar(use({ ...strict }), dialectOf('hermes'), null);
  t.ok(await takes(several, `a${hermes(oslo)}\nb${hermes(anything)}c`));
  t.notOk(await takes(several, `a${hermes(oslo)}\nb${hermes(rome)}c`));
  const single = toolGrammar(use({ ...strict, parallel: false }), dialectOf('hermes'), null);
  t.ok(await takes(single, `a${hermes(oslo)}`));
  t.notOk(await takes(single, `a${hermes(oslo)}${hermes(oslo)}`));
});

t.test('an answer is a call or follows the schema asked for', async (t) => {
  const answer = {
    schema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'], additionalProperties: false },
    param: 'response_format',
  };
  for (const family of ['hermes', 'json'] as const) {
    const grammar = toolGrammar(use({ choice: 'auto' }), dialectOf(family), answer);
    t.ok(await takes(grammar, '{"n":5}'));
    t.ok(await takes(grammar, family === 'json' ? now : `<tool_call>\n${now}\n</tool_call>`));
    t.notOk(await takes(grammar, 'text'));
  }
});
