/** Picks the best of several choices of a prompt; pure. */

export interface Candidate<Choice> {
  readonly choice: Choice;
  /** Sum over its tokens. */
  logprob: number;
  tokens: number;
}

/** The `n` choices with the highest log probability per token, the best first; all of them stay in their order. */
export function likeliest<Choice>(candidates: readonly Candidate<Choice>[], n: number): Choice[] {
  const mean = ({ logprob, tokens }: Candidate<Choice>) => logprob / Math.max(1, tokens);
  const ranked = n === candidates.length ? candidates : candidates.toSorted((a, b) => mean(b) - mean(a));
  return ranked.slice(0, n).map(({ choice }) => choice);
}
