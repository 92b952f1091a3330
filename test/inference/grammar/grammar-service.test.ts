import assert from 'node:assert/strict';
import t from 'tap';
import { GrammarRefused, ShuttingDown } from '../../../inference/errors.ts';
import type { GrammarSpec } from '../../../inference/types.ts';
import { accepts, allowed, checkpoints, never, openService } from './grammar-helper.ts';

const record: GrammarSpec = {
  kind: 'json_schema',
  schema: {
    type: 'object',
    properties: { name: { type: 'string' }, age: { type: 'integer' } },
    required: ['name', 'age'],
    additionalProperties: false,
  },
};

const shared = { tiny: await openService(checkpoints.tiny, t), byteLevel: await openService(checkpoints.byteLevel, t) };

for (const [name, { service, tokenizer }] of Object.entries(shared)) {
  t.test(`${name}: texts of the grammar are taken to their end, others are not`, async (t) => {
    const takes = async (spec: GrammarSpec, text: string) => accepts(await service.open(spec, 'p', never), tokenizer, text);
    t.ok(await takes(record, '{"name":"Zoë 中 😀","age":36}'));
    t.ok(await takes(record, '{"name": "a\\n\\"b\\"", "age": -3}'), 'a space after separators');
    t.notOk(await takes(record, '{"name":"a"}'), 'a member is missing');
    t.notOk(await takes(record, '{"name":"a","age":"1"}'), 'wrong type');
    t.ok(await takes({ kind: 'json_schema', schema: true }, '[1,{"a":null}]'));
    t.ok(await takes({ kind: 'choice', choices: ['red', 'a (blue) one+', 'é'] }, 'a (blue) one+'));
    t.notOk(await takes({ kind: 'choice', choices: ['red', 'redder'] }, 'redd'));
    t.ok(await takes({ kind: 'regex', pattern: '^[0-9]{3}-(?:ab|cd)$' }, '123-cd'), 'anchors change nothing');
    t.notOk(await takes({ kind: 'regex', pattern: '[0-9]{3}' }, '12'));
    t.ok(await takes({ kind: 'lark', text: 'start: "(" start ")" | "x"' }, '((x))'));
    t.notOk(await takes({ kind: 'lark', text: 'start: "(" start ")" | "x"' }, '((x)'));
  });
}

t.test('a character may be spelt by its bytes', async (t) => {
  const { service, tokenizer } = shared.tiny;
  const state = await service.open({ kind: 'choice', choices: ['中'] }, 'p', never);
  for (const byte of ['<0xE4>', '<0xB8>', '<0xAD>']) {
    const id = tokenizer.idOf(byte);
    assert(id !== undefined);
    t.ok((await allowed(state, tokenizer.vocabSize)).includes(id));
    state.accept(id);
  }
  t.strictSame(await allowed(state, tokenizer.vocabSize), [...tokenizer.eosTokenIds], 'nothing but the end is left');
});

t.test('a space that the decoder drops is free at the beginning, and only there', async (t) => {
  const { service, tokenizer } = shared.tiny;
  const state = await service.open({ kind: 'choice', choices: ['red', 'red red'] }, 'p', never);
  const [plain, spaced] = ['red', '▁red'].map((token) => tokenizer.idOf(token));
  assert(plain !== undefined && spaced !== undefined);
  const first = await allowed(state, tokenizer.vocabSize);
  t.ok(first.includes(plain) && first.includes(spaced));
  state.accept(spaced);
  const second = await allowed(state, tokenizer.vocabSize);
  t.ok(second.includes(spaced) && !second.includes(plain) && second.includes(tokenizer.eosTokenIds[0] ?? -1));
  state.rollback(1);
  const space = tokenizer.idOf('▁') ?? -1;
  t.ok((await allowed(state, tokenizer.vocabSize)).includes(space));
  state.accept(space);
  const third = await allowed(state, tokenizer.vocabSize);
  t.ok(third.includes(plain) && !third.includes(spaced) && !third.includes(space), 'once');
  state.rollback(1);
  t.strictSame(await allowed(state, tokenizer.vocabSize), first);
});

t.test('copies go their own ways, and tokens can be taken back', async (t) => {
  const { service, tokenizer } = shared.byteLevel;
  const state = await service.open({ kind: 'regex', pattern: 'a(b|c)d' }, 'p', never);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((letter) => tokenizer.encode(letter, { special: false })[0] ?? -1);
  assert(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  state.accept(a);
  const copy = state.fork();
  state.accept(b);
  t.ok((await allowed(copy, tokenizer.vocabSize)).includes(c));
  t.notOk((await allowed(state, tokenizer.vocabSize)).includes(c));
  state.accept(d);
  state.rollback(2);
  t.strictSame(await allowed(state, tokenizer.vocabSize), await allowed(copy, tokenizer.vocabSize));
  t.throws(() => state.rollback(2), { message: 'Cannot take 2 of 1 tokens back.' });
  state.close();
  t.ok((await allowed(copy, tokenizer.vocabSize)).includes(c), 'a copy outlives its origin');
});

const many = (name: string) => Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`${name}${i}`, {}]));

t.test('what cannot be carried out is refused by name', async (t) => {
  const { service } = shared.byteLevel;
  const refusals: [GrammarSpec, RegExp][] = [
    [{ kind: 'json_schema', schema: { type: 'array', uniqueItems: true, not: {} } }, /keywords .* not, uniqueItems/],
    [{ kind: 'json_schema', schema: { type: 'string', format: 'fancy' } }, /format 'fancy'/],
    [{ kind: 'json_schema', schema: { oneOf: [{ minLength: 1 }, { maxLength: 3 }] } }, /'oneOf' whose branches may overlap/],
    [{ kind: 'json_schema', schema: { $ref: 'http://example.com/a.json' } }, /only references inside of it/],
    [{ kind: 'json_schema', schema: { $ref: '#/$defs/none' } }, /'#\/\$defs\/none', which it does not have/],
    [{ kind: 'json_schema', schema: { type: 'strin' } }, /Invalid type: strin/],
    [{ kind: 'json_schema', schema: { properties: { foo: {} }, patternProperties: { 'f.o': {} } } }, /property 'foo' beside a pattern/],
    // Comparing each name with each pattern would take minutes.
    [{ kind: 'json_schema', schema: { properties: many('a'), patternProperties: many('^b') } }, /too large .* values 1\d+,/],
    [{ kind: 'json_schema', schema: false }, /no text can satisfy/],
    [{ kind: 'json_schema', schema: { $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' } }, /no text can satisfy/],
    [{ kind: 'json_schema', schema: 'x' }, /an object or a boolean/],
    [{ kind: 'regex', pattern: '(?=a)b' }, /look-around/],
    [{ kind: 'regex', pattern: '(a' }, /unclosed group/],
    [{ kind: 'choice', choices: [] }, /no choice/],
    [{ kind: 'lark', text: 'start: "a" b' }, /unknown name: "b"/],
  ];
  for (const [spec, message] of refusals) {
    await t.rejects(
      service.open(spec, 'p', never),
      { name: 'GrammarRefused', code: 'invalid_grammar', param: 'p', message },
      String(message),
    );
  }
});

t.test('hostile grammars are refused soon, and disturb nobody', async (t) => {
  const { service, tokenizer } = shared.byteLevel;
  const innocent = await service.open(record, 'p', never);
  const [brace] = tokenizer.encode('{', { special: false });
  innocent.accept(brace ?? -1);
  const nested = (levels: number) => JSON.parse(`${'{"type":"array","items":'.repeat(levels)}{}${'}'.repeat(levels)}`);
  const properties = (count: number, schema: object) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, schema]));
  const hostile: GrammarSpec[] = [
    { kind: 'json_schema', schema: nested(20_000) },
    { kind: 'json_schema', schema: { type: 'array', maxItems: 1e9, items: {} } },
    { kind: 'json_schema', schema: { type: 'object', properties: properties(30_000, { type: 'string' }) } },
    { kind: 'regex', pattern: '('.repeat(50_000) },
    { kind: 'regex', pattern: `${'('.repeat(1000)}a${')*'.repeat(1000)}` },
    { kind: 'lark', text: `start: ${'"a" '.repeat(30_000)}` },
    { kind: 'lark', text: 'start: <|unknown|>' },
  ];
  for (const spec of hostile) {
    const outcome = await service.open(spec, 'p', never).then(
      (state) => state,
      (error: unknown) => error,
    );
    t.type(outcome, GrammarRefused);
  }
  t.ok((await allowed(innocent, tokenizer.vocabSize)).length > 0, 'a state goes on where it stood');
  t.ok(await accepts(await service.open(record, 'p', never), tokenizer, '{"name":"a","age":1}'));
});

t.test('a closed service fails what is open and takes nothing new', async (t) => {
  const { service } = await openService(checkpoints.byteLevel, t);
  const state = await service.open(record, 'p', never);
  const opening = service.open({ kind: 'regex', pattern: 'later' }, 'p', never);
  await Promise.all([t.rejects(opening, ShuttingDown), service.close()]);
  await t.rejects(state.settle(), ShuttingDown);
  await t.rejects(service.open(record, 'p', never), ShuttingDown);
  state.close();
});

t.test('an aborted caller waits for nothing', async (t) => {
  const { service } = shared.byteLevel;
  const gone = AbortSignal.abort(new Error('gone'));
  await t.rejects(service.open(record, 'p', gone), { message: 'gone' });
});
