/** What the choices of a request are held to: one grammar state each. */
import { RequestError } from '../errors.ts';
import type { GrammarService } from '../grammar/grammar-service.ts';
import type { GrammarState } from '../grammar/grammar-state.ts';
import { takesLargest } from '../sampling/sampler.ts';
import type { GenerationRequest } from '../types.ts';

/**
 * @param grammars null for a model that cannot be held to a grammar
 * @returns a state for each choice, none if the request leaves them free; the caller closes them
 * @throws RequestError, GrammarRefused, ShuttingDown, or the signal's reason
 */
export async function openConstraints(
  { grammar, n, sampling, stopping }: GenerationRequest,
  grammars: GrammarService | null,
  signal: AbortSignal,
): Promise<readonly GrammarState[]> {
  if (grammar === undefined) return [];
  const { spec, param } = grammar;
  if (grammars === null)
    throw new RequestError('This model has no token that ends its text, so its answers cannot be held to a grammar.', param);
  const first = await grammars.open(spec, param, signal, takesLargest(sampling, stopping.minTokens ?? 0));
  return [first, ...Array.from({ length: n - 1 }, () => first.fork())];
}
