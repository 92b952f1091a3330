/** What `POST /v1/completions` takes and gives. */
import { type Static, Type } from 'typebox';
import { CompletionLogprobs } from '../generation/logprobs.ts';
import { generationProperties, maxChoices, Nullable, UsageSchema } from '../generation/schema.ts';

const TokenIds = Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1, title: 'an array of token ids' });

export const completionProperties = {
  ...generationProperties,
  prompt: Type.Union(
    [
      Type.String(),
      Type.Array(Type.String(), { minItems: 1, maxItems: maxChoices, title: 'an array of strings' }),
      TokenIds,
      Type.Array(TokenIds, { minItems: 1, maxItems: maxChoices, title: 'an array of arrays of token ids' }),
    ],
    { description: 'Raw text or tokens, in which special tokens count as such and `<image>` stands for the next of `images`.' },
  ),
  images: Type.Optional(
    Type.Array(Type.String(), { description: 'URLs or `data:` URIs, one for each `<image>` of the prompt (of all prompts, in order).' }),
  ),
  max_tokens: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Most tokens of each choice; 0, with `echo`, only for the prompt. Default 16.' }),
  ),
  echo: Type.Optional(Type.Boolean({ description: 'Begin each choice with its prompt, and its log probabilities if there are any.' })),
  logprobs: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 5,
      description: 'Tell the log probability of each token and of so many of the likeliest in its place.',
    }),
  ),
  best_of: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 20,
      description: 'Choices to write for each prompt, of which the `n` with the highest log probability per token are sent. Default `n`.',
    }),
  ),
};

export const CompletionBody = Type.Object(completionProperties);
export type CompletionBody = Static<typeof CompletionBody>;

const frame = {
  id: Type.String(),
  object: Type.Literal('text_completion'),
  created: Type.Integer(),
  model: Type.String(),
  system_fingerprint: Type.String(),
};

export const Completion = Type.Object({
  ...frame,
  choices: Type.Array(
    Type.Object({
      index: Type.Integer({ description: 'Index of the prompt × n + index of the choice.' }),
      text: Type.String(),
      logprobs: Nullable(CompletionLogprobs),
      finish_reason: Type.Enum(['stop', 'length']),
    }),
  ),
  usage: UsageSchema,
});
export type Completion = Static<typeof Completion>;

const CompletionChunk = Type.Object({
  ...frame,
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      text: Type.String(),
      logprobs: Nullable(CompletionLogprobs),
      finish_reason: Nullable(Type.Enum(['stop', 'length'])),
    }),
  ),
  usage: Type.Optional(Nullable(UsageSchema)),
});
export type CompletionChunk = Static<typeof CompletionChunk>;
