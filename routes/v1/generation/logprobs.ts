/** Log probabilities of tokens in the shapes of chat and of completions; pure. */
import { type Static, Type } from 'typebox';
import type { PromptTokenLogprobs, TokenLogprob, TokenLogprobs } from '../../../inference/types.ts';
import { Nullable } from './schema.ts';

const scored = {
  token: Type.String({ description: 'As text; bytes that are no whole characters are written `\\xe2\\x80`.' }),
  logprob: Type.Number({ description: 'By the model alone: before penalties, bias, temperature and cuts.' }),
  bytes: Nullable(Type.Array(Type.Integer(), { description: 'What the token adds to the text, in UTF-8; null for a special token.' })),
};

export const ChatLogprobs = Type.Object({
  content: Type.Array(Type.Object({ ...scored, top_logprobs: Type.Array(Type.Object(scored)) })),
  refusal: Type.Null(),
});
export type ChatLogprobs = Static<typeof ChatLogprobs>;

export const CompletionLogprobs = Type.Object({
  tokens: Type.Array(Type.String()),
  token_logprobs: Type.Array(Nullable(Type.Number())),
  top_logprobs: Type.Array(Nullable(Type.Record(Type.String(), Type.Number()))),
  text_offset: Type.Array(Type.Integer({ description: 'Characters of the text before the token.' })),
});
export type CompletionLogprobs = Static<typeof CompletionLogprobs>;

export function chatLogprobs(tokens: readonly TokenLogprobs[]): ChatLogprobs {
  const shown = (token: TokenLogprob) => ({
    token: tokenText(token, ''),
    logprob: finite(token.logprob),
    bytes: token.bytes && [...token.bytes],
  });
  return { content: tokens.map((token) => ({ ...shown(token), top_logprobs: token.top.map(shown) })), refusal: null };
}

/** @param offset characters of the choice's text before that which the tokens are of */
export function completionLogprobs(tokens: readonly (TokenLogprobs | PromptTokenLogprobs)[], offset: number): CompletionLogprobs {
  const text = (token: Omit<TokenLogprob, 'logprob'>) => tokenText(token, 'bytes:');
  return {
    tokens: tokens.map(text),
    token_logprobs: tokens.map(({ logprob }) => logprob && finite(logprob)),
    top_logprobs: tokens.map((token) => {
      if (token.logprob === null) return null;
      // The chosen token is there in any case, as OpenAI promises.
      const entries = [...token.top, { ...token, logprob: token.logprob }].map((each) => [text(each), finite(each.logprob)] as const);
      return Object.fromEntries(entries);
    }),
    text_offset: tokens.map((token) => offset + token.offset),
  };
}

/** Appends `more` to `to`. */
export function addCompletionLogprobs(to: CompletionLogprobs, more: CompletionLogprobs): void {
  to.tokens.push(...more.tokens);
  to.token_logprobs.push(...more.token_logprobs);
  to.top_logprobs.push(...more.top_logprobs);
  to.text_offset.push(...more.text_offset);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function tokenText({ name, bytes }: Omit<TokenLogprob, 'logprob'>, prefix: string): string {
  if (bytes === null) return name;
  try {
    return utf8.decode(bytes);
  } catch {
    return prefix + Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  }
}

/** OpenAI's mark of a token that is very unlikely; JSON has no infinity. */
function finite(logprob: number): number {
  return Math.max(logprob, -9999);
}
