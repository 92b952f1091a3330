/** What a prompt is to the prefix cache: its token ids, with the content of its images in the place of their placeholders. */

export interface PromptKey {
  /** Prompts of different salts share nothing. */
  readonly salt: string;
  readonly ids: Int32Array;
  /** In the order of their placeholders. Hashes only: what is kept of a prompt must not keep its pictures alive. */
  readonly images: readonly { readonly hash: string; readonly firstToken: number }[];
}

/** False if two prompts certainly have fewer than `tokens` in common: two looks that spare most comparisons. */
export function mayShare(a: PromptKey, b: PromptKey, tokens: number): boolean {
  if (a.salt !== b.salt || a.ids[tokens - 1] !== b.ids[tokens - 1]) return false;
  const image = a.images[0];
  return image === undefined || image.firstToken >= tokens || image.hash === b.images[0]?.hash;
}

/** Tokens at the beginning of two prompts for which a model computes the same keys and values. */
export function sharedTokens(a: PromptKey, b: PromptKey): number {
  if (a.salt !== b.salt) return 0;
  const most = Math.min(a.ids.length, b.ids.length);
  let shared = 0;
  while (shared < most && a.ids[shared] === b.ids[shared]) shared++;
  for (const [i, image] of a.images.entries()) {
    if (image.firstToken >= shared) break;
    // Equal ids up to here put the other prompt's image at the same place.
    if (image.hash !== b.images[i]?.hash) return image.firstToken;
  }
  return shared;
}
