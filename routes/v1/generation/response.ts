/** What answers of chat and completions share: ids, the frame around choices, token counts; pure. */
import type { Static } from 'typebox';
import type { ModelInfo, Usage } from '../../../inference/types.ts';
import type { UsageSchema } from './schema.ts';

/** What all chunks of one answer have in common. */
export interface AnswerContext {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  /** The name that the caller used. */
  readonly model: string;
  readonly fingerprint: string;
}

/** @param requestId what the caller chose, otherwise the id of the HTTP request */
export function answerContext(prefix: 'chatcmpl' | 'cmpl', requestId: string, name: string, model: ModelInfo): AnswerContext {
  return {
    id: `${prefix}-${requestId.replace(/^req_/, '')}`,
    created: Math.floor(Date.now() / 1000),
    model: name,
    fingerprint: model.fingerprint,
  };
}

export function usageObject({ promptTokens, completionTokens, imageTokens, cachedTokens }: Usage): Static<typeof UsageSchema> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0, image_tokens: imageTokens },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

export const noUsage: Usage = { promptTokens: 0, completionTokens: 0, imageTokens: 0, cachedTokens: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    imageTokens: a.imageTokens + b.imageTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
  };
}
