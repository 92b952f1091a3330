/** What a sequence's next token may be, worked out while the model computes the logits to choose it from. */
export interface Constraint {
  /** True when the tokens that may come next are known. */
  readonly ready: boolean;
  /** Resolves when they are. @throws RequestError, EngineFailure if they will never be */
  settle(): Promise<void>;
  /**
   * Finds out at once, if it can, what the constraint must know of the next token to choose from these logits `[vocab]`.
   * @returns true if it is ready now, for these logits alone
   */
  hurry?(logits: Float32Array): boolean;
  /**
   * Sets the logits `[vocab]` of all other tokens to -Infinity, or where always the largest is chosen, of those above the one that
   * may come; only when ready.
   */
  apply(logits: Float32Array): void;
  /** Goes on to what may come after the token, which must be one that may come next. */
  accept(token: number): void;
  /** Nothing is asked of it any more. Idempotent. */
  close(): void;
}
