/** Keeps an answer that is sent whole within what the server can hold: log probabilities take a kilobyte each until they are sent. */
import type { GenerationEvent } from '../../../inference/types.ts';
import { InvalidValue } from '../../../plugins/errors/api-error.ts';

/** Log probabilities in an answer: some 300 MB while it is collected, and 25 MB of JSON. */
const mostScores = 300_000;

/**
 * For the events of all prompts of one request.
 * @returns the same events; their iteration throws InvalidValue when they have brought too much
 */
export function scoreLimit(most = mostScores): (events: AsyncIterable<GenerationEvent>) => AsyncIterable<GenerationEvent> {
  let scores = 0;
  return async function* (events) {
    for await (const event of events) {
      if ('logprobs' in event) for (const token of event.logprobs ?? []) scores += 1 + token.top.length;
      if (scores > most) {
        throw new InvalidValue(
          `The answer has more than ${most} log probabilities; ask for fewer of them, for fewer choices or tokens, or stream it.`,
          'logprobs',
        );
      }
      yield event;
    }
  };
}
