/** Text that is read character by character as it comes: readers are coroutines, so it is all one where the text is cut. */

/** A reader: gives way when it needs the next character, and is told null at the end of the text. */
export type Reading<T> = Generator<void, T, string | null>;

export class Characters {
  /** The character that is looked at; null at the end of the text. */
  next: string | null = null;
  /** What was read since `record`. */
  recorded = '';

  /** Waits for the first character. */
  *begin(): Reading<void> {
    this.next = yield;
  }

  /** Takes the character that is looked at, and waits for the one behind it. */
  *advance(): Reading<void> {
    this.recorded += this.next ?? '';
    this.next = yield;
  }

  /** Whether one of these characters is looked at. */
  at(...characters: readonly string[]): boolean {
    return this.next !== null && characters.includes(this.next);
  }

  /** @param before counts as read already */
  record(before = ''): void {
    this.recorded = before;
  }

  *skipWhite(): Reading<void> {
    while (this.next !== null && isWhite(this.next)) yield* this.advance();
  }
}

export function isWhite(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\r' || character === '\t';
}
