/** Runs several requests side by side as one stream of events, each with the number of its request. */
import type { GenerationEvent, GenerationRequest } from '../../../inference/types.ts';

export interface NumberedEvent {
  /** Index of the request that the event belongs to. */
  readonly request: number;
  readonly event: GenerationEvent;
}

type Settled = { readonly request: number } & ({ readonly result: IteratorResult<GenerationEvent> } | { readonly error: unknown });

/**
 * Events arrive in the order in which they happen. If one request fails, or the caller leaves, all others are aborted.
 * @param generate starts one request; must end its events soon after `signal` aborts
 */
export async function* generateAll(
  requests: readonly GenerationRequest[],
  generate: (request: GenerationRequest, signal: AbortSignal) => AsyncIterable<GenerationEvent>,
  signal: AbortSignal,
): AsyncGenerator<NumberedEvent> {
  const stop = new AbortController();
  const eachSignal = AbortSignal.any([signal, stop.signal]);
  const settled: Settled[] = [];
  let wake = () => {};
  const report = (item: Settled) => {
    settled.push(item);
    wake();
  };
  const pull = (request: number, iterator: AsyncIterator<GenerationEvent>) =>
    void iterator.next().then(
      (result) => report({ request, result }),
      (error: unknown) => report({ request, error }),
    );

  const iterators = requests.map((request) => generate(request, eachSignal)[Symbol.asyncIterator]());
  try {
    for (const [request, iterator] of iterators.entries()) pull(request, iterator);
    let open = iterators.length;
    while (open > 0) {
      const item = settled.shift();
      if (item === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if ('error' in item) throw item.error;
      const iterator = iterators[item.request];
      if (item.result.done || iterator === undefined) {
        open -= 1;
        continue;
      }
      yield { request: item.request, event: item.result.value };
      pull(item.request, iterator);
    }
  } finally {
    stop.abort();
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()));
  }
}
