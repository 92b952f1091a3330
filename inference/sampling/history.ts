/** Which tokens one sequence has seen and said: what penalties look back on. */

export class TokenHistory {
  /** Distinct tokens of the prompt. */
  readonly prompt: ReadonlySet<number>;
  readonly #said = new Map<number, number>();
  #length = 0;

  constructor(promptIds: Iterable<number>) {
    this.prompt = new Set(promptIds);
  }

  /** Distinct tokens said so far, each with how often. */
  get said(): ReadonlyMap<number, number> {
    return this.#said;
  }

  /** Tokens said so far. */
  get length(): number {
    return this.#length;
  }

  add(id: number): void {
    this.#length++;
    this.#said.set(id, (this.#said.get(id) ?? 0) + 1);
  }
}
