/** A queue of events between the engine, which must never wait, and one reader, who may be slow. */

export interface EventStreamOptions {
  /** Unread events at which the stream says it is full; it says so until half of them are read. */
  readonly limit: number;
  /** The stream was full and is no more. */
  readonly onRoom: () => void;
  /** The reader left before the end. */
  readonly onLeave: () => void;
}

/**
 * The writer looks at `full` and holds off by itself. What it pushes reaches a waiting reader only at `flush`, so that
 * the engine can start its next run before readers do their work.
 */
export class EventStream<Event> implements AsyncIterableIterator<Event> {
  readonly #options: EventStreamOptions;
  readonly #unread: Event[] = [];
  #full = false;
  #ended = false;
  #error: unknown;
  #failed = false;
  #reader: { resolve: (result: IteratorResult<Event, undefined>) => void; reject: (error: unknown) => void } | null = null;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#full;
  }

  push(event: Event): void {
    if (this.#ended) return;
    this.#unread.push(event);
    if (this.#unread.length >= this.#options.limit) this.#full = true;
  }

  /** No more events will come; those unread are still to be had. */
  end(): void {
    this.#ended = true;
  }

  /** Ends the stream with an error, at once: unread events are dropped. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failed = true;
    this.#error = error;
    this.#unread.length = 0;
    this.flush();
  }

  /** Hands a waiting reader what there is. */
  flush(): void {
    const reader = this.#reader;
    if (reader === null) return;
    const result = this.#take();
    if (result === null) return;
    this.#reader = null;
    if (result === 'failed') reader.reject(this.#raise());
    else reader.resolve(result);
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    if (this.#reader !== null) return Promise.reject(new Error('An event stream has one reader, who awaits each event before the next.'));
    const result = this.#take();
    if (result === 'failed') return Promise.reject(this.#raise());
    if (result !== null) return Promise.resolve(result);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  /** Called by `for await` when its body is left early. */
  return(): Promise<IteratorResult<Event, undefined>> {
    const left = !this.#ended;
    this.#ended = true;
    this.#failed = false;
    this.#unread.length = 0;
    this.flush();
    if (left) this.#options.onLeave();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): IteratorResult<Event, undefined> | 'failed' | null {
    const event = this.#unread.shift();
    if (event !== undefined) {
      if (this.#full && this.#unread.length <= this.#options.limit / 2) {
        this.#full = false;
        this.#options.onRoom();
      }
      return { done: false, value: event };
    }
    if (this.#failed) return 'failed';
    return this.#ended ? { done: true, value: undefined } : null;
  }

  /** An error is thrown once; after it the stream is at its end. */
  #raise(): unknown {
    this.#failed = false;
    return this.#error;
  }
}
