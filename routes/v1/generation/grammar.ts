/** `response_format` and `structured_outputs`: what the whole answer must be. The names of the latter are vLLM's. */
import { type Static, Type } from 'typebox';
import type { GenerationRequest, GrammarSpec } from '../../../inference/types.ts';
import { InvalidValue, UnsupportedParameter } from '../../../plugins/errors/api-error.ts';
import { taggedUnion } from './tagged-union.ts';

const ResponseFormat = taggedUnion('type', [
  Type.Object({ type: Type.Literal('text') }),
  Type.Object({ type: Type.Literal('json_object') }),
  Type.Object({
    type: Type.Literal('json_schema'),
    json_schema: Type.Object({
      name: Type.String({ pattern: '^[a-zA-Z0-9_-]{1,64}$' }),
      description: Type.Optional(Type.String()),
      schema: Type.Optional(Type.Unknown({ description: 'A JSON schema. Absent takes any object.' })),
      strict: Type.Optional(Type.Boolean({ description: 'Accepted; the answer always follows the schema.' })),
    }),
  }),
]);

const StructuredOutputs = Type.Object(
  {
    json: Type.Optional(Type.Unknown({ description: 'A JSON schema, as an object or as its text.' })),
    json_object: Type.Optional(Type.Boolean({ description: 'Any JSON object.' })),
    regex: Type.Optional(Type.String({ description: "A regular expression for the whole answer, in the syntax of Rust's `regex`." })),
    choice: Type.Optional(Type.Array(Type.String(), { description: 'The answer is one of these texts.' })),
    grammar: Type.Optional(
      Type.String({ description: "A context-free grammar in llguidance's dialect of Lark; its first rule is `start`." }),
    ),
  },
  { description: 'What the answer must be: one of the members.' },
);

export const grammarProperties = {
  response_format: Type.Optional(ResponseFormat),
  structured_outputs: Type.Optional(StructuredOutputs),
};

const GrammarBody = Type.Object({
  ...grammarProperties,
  ignore_eos: Type.Optional(Type.Boolean()),
  min_tokens: Type.Optional(Type.Integer()),
});
type GrammarBody = Static<typeof GrammarBody>;
type Grammar = NonNullable<GenerationRequest['grammar']>;

const anyObject: GrammarSpec = { kind: 'json_schema', schema: { type: 'object' } };

/**
 * @returns the member of a generation request that holds it to a grammar, or nothing
 * @throws InvalidValue, UnsupportedParameter
 */
export function grammarOf(body: GrammarBody): { readonly grammar?: Grammar } {
  const given = [responseFormat(body), structuredOutputs(body)].filter((grammar) => grammar !== null);
  const [grammar, second] = given;
  if (grammar === undefined) return {};
  if (second !== undefined) throw new InvalidValue("'response_format' and 'structured_outputs' exclude each other.", 'structured_outputs');
  // A grammar says where the answer ends.
  if (body.ignore_eos) throw new UnsupportedParameter('ignore_eos', `Leave it out together with '${grammar.param}'.`);
  if (body.min_tokens) throw new UnsupportedParameter('min_tokens', `Leave it out together with '${grammar.param}'.`);
  return { grammar };
}

function responseFormat({ response_format: format }: GrammarBody): Grammar | null {
  switch (format?.type) {
    case 'json_object':
      return { spec: anyObject, param: 'response_format' };
    case 'json_schema': {
      const { schema } = format.json_schema;
      return { spec: schema === undefined ? anyObject : { kind: 'json_schema', schema }, param: 'response_format.json_schema.schema' };
    }
    default:
      return null;
  }
}

function structuredOutputs({ structured_outputs: outputs }: GrammarBody): Grammar | null {
  if (outputs === undefined) return null;
  const param = 'structured_outputs';
  const asked = Object.entries(outputs).filter(([, value]) => value !== undefined && value !== false);
  const unknown = asked.find(([name]) => !Object.hasOwn(StructuredOutputs.properties, name));
  if (unknown !== undefined) throw new UnsupportedParameter(`${param}.${unknown[0]}`, 'Leave it out.');
  const [name] = asked[0] ?? [];
  if (name === undefined || asked.length > 1) {
    const names = Object.keys(StructuredOutputs.properties).join(', ');
    throw new InvalidValue(`'${param}' has ${asked.length} members; it needs exactly one of ${names}.`, param);
  }
  const { json, regex, choice, grammar } = outputs;
  const field = `${param}.${name}`;
  if (json !== undefined)
    return { spec: { kind: 'json_schema', schema: typeof json === 'string' ? parsed(json, field) : json }, param: field };
  if (regex !== undefined) return { spec: { kind: 'regex', pattern: regex }, param: field };
  if (choice !== undefined) return { spec: { kind: 'choice', choices: choice }, param: field };
  if (grammar !== undefined) return { spec: { kind: 'lark', text: grammar }, param: field };
  return { spec: anyObject, param: field };
}

function parsed(text: string, param: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidValue(`'${param}' is a string, but no JSON.`, param);
  }
}
