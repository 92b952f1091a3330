/** Turns the tokens of one sequence into text as they come, never splitting a character. */

/** Text of a list of ids, special tokens left out unless asked for; what is no valid UTF-8 shows as U+FFFD. */
export type Decode = (ids: readonly number[], options?: { readonly skipSpecial: boolean }) => string;

/** More tokens than this without one complete character are broken bytes, not a character in the making. */
const MAX_PENDING = 32;

/**
 * Decodes a short window: some tokens already shown, for the context that the first token of a text lacks (its space), and
 * those not shown yet. The difference to the text of the shown ones is new. This is the prefix-offset scheme of Hugging
 * Face's text-generation-inference and of vLLM; the cost for a token does not grow with the text.
 */
export class Detokenizer {
  readonly #decode: Decode;
  /** Tokens of the window; the first `#shown` are out, with the text `#shownText`. */
  #window: number[] = [];
  #shown = 0;
  #shownText = '';

  /** @param before last tokens of the text that this one continues; default none */
  constructor(decode: Decode, before: readonly number[] = []) {
    this.#decode = decode;
    if (before.length === 0) return;
    const text = decode(before);
    // Bytes of a character that is not whole yet would hide what completes it.
    if (text.endsWith('\ufffd')) return;
    this.#window = [...before];
    this.#shown = before.length;
    this.#shownText = text;
  }

  /** Takes the next token; returns the text that became certain with it, often ''. */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#decode(this.#window);
    if (text === this.#shownText) {
      // A special token, or the space that the decoder drops at the start of a text: only as many as the context may need are kept.
      if (this.#window.length > MAX_PENDING) this.#window.pop();
      return '';
    }
    // A trailing U+FFFD may be the first bytes of a character whose others are to come.
    if (text.endsWith('\ufffd') && this.#window.length - this.#shown <= MAX_PENDING) return '';
    return this.#show(text);
  }

  /** The text of tokens still held back, when no more will come. */
  end(): string {
    return this.#window.length === this.#shown ? '' : this.#show(this.#decode(this.#window));
  }

  #show(text: string): string {
    const fresh = text.slice(this.#shownText.length);
    this.#window = this.#window.slice(this.#shown);
    this.#shown = this.#window.length;
    this.#shownText = this.#decode(this.#window);
    return fresh;
  }
}
