/** Owners of native objects, and the count of those that are alive. */

/** Address of a native object or of memory. */
export type Pointer = bigint;

export type HandleKind = 'env' | 'status' | 'memory info' | 'session options' | 'session' | 'type info' | 'value' | 'binding' | 'mapping';

const live = new Map<HandleKind, number>();

/** Native objects alive in this thread, of one kind or of all: 0 once everything that was opened is closed. */
export function liveHandles(kind?: HandleKind): number {
  if (kind !== undefined) return live.get(kind) ?? 0;
  return [...live.values()].reduce((sum, count) => sum + count, 0);
}

/** Owns one native object: gives its pointer until closed, releases it exactly once. */
export class NativeHandle {
  readonly kind: HandleKind;
  readonly #release: (pointer: Pointer) => void;
  #pointer: Pointer | null;

  constructor(kind: HandleKind, pointer: Pointer, release: (pointer: Pointer) => void) {
    this.kind = kind;
    this.#pointer = pointer;
    this.#release = release;
    live.set(kind, liveHandles(kind) + 1);
  }

  get closed(): boolean {
    return this.#pointer === null;
  }

  /** @throws Error after `close()`: the memory behind the pointer is gone. */
  get pointer(): Pointer {
    if (this.#pointer === null) throw new Error(`This ${this.kind} is closed and cannot be used any more.`);
    return this.#pointer;
  }

  /** Idempotent. */
  close(): void {
    if (this.#pointer === null) return;
    const pointer = this.#pointer;
    this.#pointer = null;
    this.#release(pointer);
    live.set(this.kind, liveHandles(this.kind) - 1);
  }
}
