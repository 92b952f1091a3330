/** The parameters that chat and completions share: how long, how random, when to stop. */
import { type Static, Type } from 'typebox';
import { grammarProperties } from './grammar.ts';

/** A value or null, as answers have it. */
export function Nullable<T extends Parameters<typeof Type.Union>[0][number]>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

export const maxChoices = 128;
const maxStops = 16;
const int64 = { minimum: -(2 ** 63), maximum: 2 ** 63 };

export const generationProperties = {
  model: Type.String({ minLength: 1, maxLength: 512, description: 'Name or alias of a model that `GET /v1/models` lists.' }),
  stream: Type.Optional(Type.Boolean({ description: 'Send the answer as server-sent events while it is written.' })),
  stream_options: Type.Optional(
    Type.Object(
      {
        include_usage: Type.Optional(Type.Boolean({ description: 'Send one last chunk with the token counts.' })),
        include_obfuscation: Type.Optional(Type.Boolean({ description: 'Accepted; this server never pads its chunks.' })),
      },
      { description: 'Only with `stream: true`.' },
    ),
  ),
  n: Type.Optional(Type.Integer({ minimum: 1, maximum: maxChoices, description: 'Choices for each prompt. Default 1.' })),
  max_tokens: Type.Optional(Type.Integer({ minimum: 1, description: 'Most tokens of each choice.' })),
  temperature: Type.Optional(
    Type.Number({ minimum: 0, maximum: 2, description: 'Randomness: 0 always takes the likeliest token. Default 1.' }),
  ),
  top_p: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Draw from the smallest set of tokens whose probability reaches this. Default 1.',
    }),
  ),
  top_k: Type.Optional(Type.Integer({ minimum: -1, description: 'Draw from the k likeliest tokens only; 0 or -1 keeps all. Default 0.' })),
  min_p: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: "Draw only from tokens with at least this share of the likeliest token's probability; 0 keeps all. Default 0.",
    }),
  ),
  typical_p: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Draw from the tokens of most nearly average information whose probability reaches this. Default 1.',
    }),
  ),
  presence_penalty: Type.Optional(
    Type.Number({ minimum: -2, maximum: 2, description: 'Taken from the logits of tokens that the answer has already. Default 0.' }),
  ),
  frequency_penalty: Type.Optional(
    Type.Number({ minimum: -2, maximum: 2, description: 'Taken as often as the answer has the token already. Default 0.' }),
  ),
  repetition_penalty: Type.Optional(
    Type.Number({
      minimum: 0.01,
      description: 'Above 1 makes tokens less likely that are in the prompt or the answer already. Default 1.',
    }),
  ),
  logit_bias: Type.Optional(
    Type.Record(Type.String(), Type.Number({ minimum: -100, maximum: 100 }), {
      maxProperties: 1024,
      description: 'Added to the logits of token ids: -100 rules a token out, 100 all others.',
    }),
  ),
  seed: Type.Optional(
    Type.Integer({ ...int64, description: 'The same seed gives the same text, whatever else the server does meanwhile.' }),
  ),
  stop: Type.Optional(
    Type.Union(
      [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { maxItems: maxStops, title: 'an array of strings' })],
      {
        description: 'Text that ends the answer; no part of it unless `include_stop_str_in_output` says so.',
      },
    ),
  ),
  stop_token_ids: Type.Optional(
    Type.Array(Type.Integer({ minimum: 0 }), {
      maxItems: 1024,
      description: 'Tokens that end the answer, besides the end-of-sequence token.',
    }),
  ),
  min_tokens: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Tokens before which nothing but the length ends the answer. Default 0.' }),
  ),
  ignore_eos: Type.Optional(Type.Boolean({ description: 'Go on after the end-of-sequence token. Default false.' })),
  include_stop_str_in_output: Type.Optional(
    Type.Boolean({ description: 'End the answer with the stop string or stop token that was found. Default false.' }),
  ),
  skip_special_tokens: Type.Optional(Type.Boolean({ description: 'Leave special tokens out of the text. Default true.' })),
  ...grammarProperties,
  user: Type.Optional(Type.String({ description: 'Accepted; not used.' })),
  metadata: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 512 }), { maxProperties: 16, description: 'Accepted; not used.' }),
  ),
  service_tier: Type.Optional(Type.Enum(['auto', 'default'], { description: 'There is one tier.' })),
  cache_salt: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'What is kept of prompts and images is shared only between requests of the same salt.',
    }),
  ),
  priority: Type.Optional(
    Type.Integer({
      minimum: -(2 ** 31),
      maximum: 2 ** 31 - 1,
      description: 'The lower, the sooner the request has its turn; it may take the slot of a running one of a higher value. Default 0.',
    }),
  ),
  request_id: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]{1,128}$', description: 'Becomes the tail of the id of the answer.' })),
};

const GenerationBody = Type.Object(generationProperties);
export type GenerationBody = Static<typeof GenerationBody>;

export const UsageSchema = Type.Object({
  prompt_tokens: Type.Integer({ description: 'Image tokens included.' }),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({
    cached_tokens: Type.Integer({ description: 'Tokens that earlier requests had computed.' }),
    audio_tokens: Type.Integer(),
    image_tokens: Type.Integer({ description: 'Tokens that the model spent on images.' }),
  }),
  completion_tokens_details: Type.Object({
    reasoning_tokens: Type.Integer(),
    audio_tokens: Type.Integer(),
    accepted_prediction_tokens: Type.Integer(),
    rejected_prediction_tokens: Type.Integer(),
  }),
});
