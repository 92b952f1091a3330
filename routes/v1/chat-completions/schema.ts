/** What `POST /v1/chat/completions` takes and gives. */
import { type Static, Type } from 'typebox';
import { ChatLogprobs } from '../generation/logprobs.ts';
import { generationProperties, Nullable, UsageSchema } from '../generation/schema.ts';
import { taggedUnion } from '../generation/tagged-union.ts';
import { ToolCall, ToolCallDelta, toolProperties } from './tool-schema.ts';

const TextPart = Type.Object({ type: Type.Literal('text'), text: Type.String() });

const ImagePart = Type.Object({
  type: Type.Literal('image_url'),
  image_url: Type.Optional(
    Type.Union(
      [
        Type.String(),
        Type.Object({
          url: Type.Optional(
            Type.String({ description: '`data:` URI, `http(s)` URL, or `attachment://<part or file name>` of a multipart request.' }),
          ),
          detail: Type.Optional(
            Type.Enum(['auto', 'low', 'high'], { description: 'Accepted; the model sees every image in its one size.' }),
          ),
        }),
      ],
      { description: 'The image, as OpenAI has it, or its URL alone. May be left out for a `uuid` that is cached.' },
    ),
  ),
  uuid: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'Name of the image: while it is cached, later requests with the same `cache_salt` may send this instead of the URL.',
    }),
  ),
});

const TextContent = Type.Union([
  Type.String(),
  Type.Array(taggedUnion('type', [TextPart]), { minItems: 1, title: 'an array of text parts' }),
]);

const UserContent = Type.Union([
  Type.String(),
  Type.Array(taggedUnion('type', [TextPart, ImagePart]), { minItems: 1, title: 'an array of content parts' }),
]);

const name = Type.Optional(Type.String({ description: 'Handed to the chat template.' }));

const SystemMessage = Type.Object({ role: Type.Enum(['system', 'developer']), content: TextContent, name });
const UserMessage = Type.Object({ role: Type.Literal('user'), content: UserContent, name });
const AssistantMessage = Type.Object({
  role: Type.Literal('assistant'),
  content: Type.Optional(TextContent),
  name,
  tool_calls: Type.Optional(Type.Array(ToolCall, { description: 'Calls that the model made in this turn, which then needs no content.' })),
});
const ToolMessage = Type.Object({
  role: Type.Literal('tool'),
  content: TextContent,
  tool_call_id: Type.String({ description: 'The call that this is the result of.' }),
});

export const chatProperties = {
  ...generationProperties,
  messages: Type.Array(taggedUnion('role', [SystemMessage, UserMessage, AssistantMessage, ToolMessage]), { minItems: 1 }),
  ...toolProperties,
  max_completion_tokens: Type.Optional(Type.Integer({ minimum: 1, description: 'Most tokens of each choice.' })),
  logprobs: Type.Optional(Type.Boolean({ description: 'Tell the log probability of each token of the answer. Default false.' })),
  top_logprobs: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 20,
      description: 'Likeliest tokens to tell in the place of each. Needs `logprobs: true`. Default 0.',
    }),
  ),
  add_generation_prompt: Type.Optional(
    Type.Boolean({ description: 'End the prompt with the opening of an assistant turn. Default true.' }),
  ),
};

export const ChatBody = Type.Object(chatProperties);
export type ChatBody = Static<typeof ChatBody>;

const FinishReason = Type.Enum(['stop', 'length', 'tool_calls'], {
  description: '`tool_calls` if the answer has calls, were they asked for or not, and came to its end with the last of them whole.',
});

export const ChatCompletion = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion'),
  created: Type.Integer(),
  model: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      message: Type.Object({
        role: Type.Literal('assistant'),
        content: Nullable(Type.String({ description: 'Null if there are calls and nothing else.' })),
        refusal: Type.Null(),
        tool_calls: Type.Optional(Type.Array(ToolCall)),
      }),
      logprobs: Nullable(ChatLogprobs),
      finish_reason: FinishReason,
    }),
  ),
  usage: UsageSchema,
  service_tier: Type.Literal('default'),
  system_fingerprint: Type.String(),
});
export type ChatCompletion = Static<typeof ChatCompletion>;

const ChatCompletionChunk = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion.chunk'),
  created: Type.Integer(),
  model: Type.String(),
  service_tier: Type.Literal('default'),
  system_fingerprint: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      delta: Type.Object({
        role: Type.Optional(Type.Literal('assistant')),
        content: Type.Optional(Type.String()),
        refusal: Type.Optional(Type.Null()),
        tool_calls: Type.Optional(Type.Array(ToolCallDelta)),
      }),
      logprobs: Nullable(ChatLogprobs),
      finish_reason: Nullable(FinishReason),
    }),
  ),
  usage: Type.Optional(Nullable(UsageSchema)),
});
export type ChatCompletionChunk = Static<typeof ChatCompletionChunk>;
