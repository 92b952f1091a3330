/** Functions that the model may call, as requests and answers have them. */
import { type Static, Type } from 'typebox';
import { taggedUnion } from '../generation/tagged-union.ts';

const name = Type.String({ pattern: '^[a-zA-Z0-9_-]{1,64}$' });

const FunctionTool = Type.Object({
  type: Type.Literal('function'),
  function: Type.Object({
    name,
    description: Type.Optional(Type.String()),
    parameters: Type.Optional(
      Type.Unsafe<Readonly<Record<string, unknown>>>({
        type: 'object',
        description: 'JSON schema of the arguments, which are an object. Left out, the function has none.',
      }),
    ),
    strict: Type.Optional(
      Type.Boolean({
        description: 'Hold the arguments to the schema once the model begins to call the function. Calls that are asked for always are.',
      }),
    ),
  }),
});

const NamedTool = Type.Object({ type: Type.Literal('function'), function: Type.Object({ name }) });

const AllowedTools = Type.Object({
  type: Type.Literal('allowed_tools'),
  allowed_tools: Type.Object({
    mode: Type.Enum(['auto', 'required']),
    tools: Type.Array(taggedUnion('type', [NamedTool]), { minItems: 1 }),
  }),
});

export const toolProperties = {
  tools: Type.Optional(
    Type.Array(taggedUnion('type', [FunctionTool]), { maxItems: 128, description: 'Functions that the model may call.' }),
  ),
  tool_choice: Type.Optional(
    Type.Union(
      [
        // No enum: that would be reported for objects, too, whose own fault would not be told then.
        Type.Unsafe<'none' | 'auto' | 'required'>({ type: 'string', pattern: '^(none|auto|required)$' }),
        { ...taggedUnion('type', [NamedTool, AllowedTools]), title: 'an object' },
      ],
      {
        description:
          'Whether to call: `none` shows the model no functions, `auto` leaves it to the model, `required` and a named function make it call. ' +
          'Default `auto`.',
      },
    ),
  ),
  parallel_tool_calls: Type.Optional(Type.Boolean({ description: 'Whether an answer may have several calls. Default true.' })),
};

const ToolBody = Type.Object(toolProperties);
export type ToolBody = Static<typeof ToolBody>;

/** A call, in answers and in the turns that they become. */
export const ToolCall = Type.Object({
  id: Type.String({ minLength: 1 }),
  type: Type.Literal('function'),
  function: Type.Object({ name: Type.String(), arguments: Type.String({ description: 'JSON, as the model wrote it.' }) }),
});
export type ToolCall = Static<typeof ToolCall>;

export const ToolCallDelta = Type.Object({
  index: Type.Integer(),
  id: Type.Optional(Type.String()),
  type: Type.Optional(Type.Literal('function')),
  function: Type.Object({ name: Type.Optional(Type.String()), arguments: Type.String() }),
});
