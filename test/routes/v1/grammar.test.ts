/** What of `response_format` and `structured_outputs` reaches the engine. */
import t from 'tap';
import { chat, testApp } from '../../app-helper.ts';

const schema = { type: 'object', properties: { a: { type: ['string', 'null'], default: null } } };

t.test('each way of asking becomes one grammar', async (t) => {
  const { app, backend } = testApp(t);
  const asked: readonly (readonly [object, object | undefined])[] = [
    [{}, undefined],
    [{ response_format: { type: 'text' } }, undefined],
    [{ response_format: { type: 'json_object' } }, { spec: { kind: 'json_schema', schema: { type: 'object' } }, param: 'response_format' }],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } } },
      { spec: { kind: 'json_schema', schema }, param: 'response_format.json_schema.schema' },
    ],
    [{ structured_outputs: { json: schema } }, { spec: { kind: 'json_schema', schema }, param: 'structured_outputs.json' }],
    [{ structured_outputs: { json: JSON.stringify(schema) } }, { spec: { kind: 'json_schema', schema }, param: 'structured_outputs.json' }],
    [{ structured_outputs: { json_object: true } }, { spec: { kind: 'json_schema', schema: { type: 'object' } } }],
    [{ structured_outputs: { regex: 'a+', choice: null } }, { spec: { kind: 'regex', pattern: 'a+' }, param: 'structured_outputs.regex' }],
    [{ structured_outputs: { choice: ['a', 'b'] } }, { spec: { kind: 'choice', choices: ['a', 'b'] } }],
    [{ structured_outputs: { grammar: 'start: "a"' } }, { spec: { kind: 'lark', text: 'start: "a"' } }],
  ];
  for (const [parameters, grammar] of asked) {
    for (const [url, payload] of [
      ['/v1/chat/completions', chat(parameters)],
      ['/v1/completions', { model: 'scripted', prompt: 'Hi', ...parameters }],
    ] as const) {
      const response = await app.inject({ method: 'POST', url, payload });
      t.equal(response.statusCode, 200, response.body);
      const sent = backend.requests.at(-1)?.grammar;
      if (grammar === undefined) t.equal(sent, undefined);
      else t.match(sent, grammar);
    }
  }
});

t.test('a schema reaches the engine as it was sent, nulls and all', async (t) => {
  const { app, backend } = testApp(t);
  const json_schema = { name: 'x', schema };
  await app.inject({
    method: 'POST',
    url: '/v1/chat/completions',
    payload: chat({ response_format: { type: 'json_schema', json_schema } }),
  });
  t.strictSame(backend.requests.at(-1)?.grammar?.spec, { kind: 'json_schema', schema });
});

t.test('wrong forms are refused by field', async (t) => {
  const { app, backend } = testApp(t);
  const refused: readonly (readonly [object, string])[] = [
    [{ response_format: { type: 'yaml' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'no spaces', schema } } }, 'response_format.json_schema.name'],
    [{ structured_outputs: {} }, 'structured_outputs'],
    [{ structured_outputs: { regex: 'a', grammar: 'b' } }, 'structured_outputs'],
    [{ structured_outputs: { choice: 'a' } }, 'structured_outputs.choice'],
    [{ structured_outputs: { structural_tag: '{}' } }, 'structured_outputs.structural_tag'],
    [{ structured_outputs: { regex: 'a' }, response_format: { type: 'json_object' } }, 'structured_outputs'],
  ];
  for (const [parameters, param] of refused) {
    const response = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: chat(parameters) });
    t.equal(response.statusCode, 400, param);
    t.match(response.json(), { error: { param } });
  }
  t.equal(backend.requests.length, 0);
});
