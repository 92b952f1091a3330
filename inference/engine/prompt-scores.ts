/** Log probabilities of a prompt's tokens, read from the logits of its prefill. */
import { type Decode, Detokenizer } from '../text/detokenizer.ts';
import type { PromptTokenLogprobs } from '../types.ts';
import { Breather } from './breather.ts';
import type { TokenScore } from './continuation.ts';

/** Log probabilities of the token `id` by the logits `[vocab]` before it. */
export type Score = (logits: Float32Array, id: number) => TokenScore;

export class PromptScores {
  readonly #ids: ArrayLike<number>;
  readonly #score: Score;
  readonly #detokenizer: Detokenizer;
  readonly #tokens: PromptTokenLogprobs[] = [];
  #characters = 0;

  /** @param ids of the whole prompt */
  constructor(ids: ArrayLike<number>, score: Score, decode: Decode) {
    this.#ids = ids;
    this.#score = score;
    this.#detokenizer = new Detokenizer(decode);
  }

  /** Those of all tokens, once the whole prompt was read. */
  get tokens(): readonly PromptTokenLogprobs[] {
    return this.#tokens;
  }

  /**
   * Takes the next chunk, and gives way to other work while it does.
   * @param logits `[tokens, vocab]`, of the chunk that begins at `start`
   */
  async read(start: number, tokens: number, logits: Float32Array): Promise<void> {
    const vocab = logits.length / tokens;
    const breather = new Breather();
    const end = Math.min(start + tokens + 1, this.#ids.length);
    for (let position = this.#tokens.length; position < end; position++) {
      const row = position - 1 - start;
      // The first token has no row before it; row 0 is scored only to name the token.
      const score = this.#score(logits.subarray(Math.max(row, 0) * vocab, (Math.max(row, 0) + 1) * vocab), this.#ids[position] as number);
      const offset = this.#characters;
      this.#characters += Array.from(this.#detokenizer.push(score.id)).length;
      this.#tokens.push(position === 0 ? { ...score, logprob: null, top: [], offset } : { ...score, offset });
      await breather.pause();
    }
  }
}
