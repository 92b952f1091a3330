/** The grammar engine on the thread that samples: where masks take microseconds, a message to another thread and back takes longer. */
import { GrammarError, type Limits } from './llguidance.ts';
import { Matchers } from './matchers.ts';
import type { Answer, Home, Inquiry, Operation } from './messages.ts';
import type { EngineVocabulary } from './vocabulary.ts';

/** The masks of more tokens take too long, and so does making an engine for them. */
const MAX_TOKENS = 4096;
/** Milliseconds after which others have their turn. */
const TURN_MS = 2;
/** Keep one operation within some two milliseconds, and the memory small. What needs more is for the other thread. */
const limits: Limits = { stepFuel: 20_000, stepItems: 5000, lexerStates: 4000, grammarSize: 2000 };
const MAX_IDLE_BYTES = 64 * 2 ** 20;

export interface InlineEngineOptions {
  /** The engine's code, already run on another thread: then it is compiled. */
  readonly module: WebAssembly.Module;
  readonly vocabulary: EngineVocabulary;
  /** After an error, nothing more of what the state was sent is carried out. */
  readonly onAnswer: (answer: Answer) => void;
  /** All states are gone by a trap; `culprit` is the one that was served. */
  readonly onLost: (culprit: number) => void;
}

export class InlineEngine implements Home {
  readonly inquiry: Inquiry = { allows: (id, token) => this.#allows(id, token), hurry: () => this.#hurry() };
  readonly #options: InlineEngineOptions;
  readonly #states = new Set<number>();
  #matchers: Matchers | null = null;
  #queue: Operation[] = [];
  #turn: NodeJS.Immediate | null = null;
  /** When it was first asked to hurry of late, and milliseconds taken for that since. */
  #hurried = { since: 0, for: 0 };

  constructor(options: InlineEngineOptions) {
    this.#options = options;
  }

  /** Milliseconds that a grammar may take to compile here, which blocks the thread; 0 if the vocabulary is too large for any. */
  static compileMs({ lengths }: EngineVocabulary): number {
    return lengths.length <= MAX_TOKENS ? 3 : 0;
  }

  /** Operations are carried out when the event loop comes round: the model's next run is under way then. */
  send(operation: Operation): void {
    this.#queue.push(operation);
    this.#turn ??= setImmediate(() => this.#takeTurn());
  }

  /** Forgets all states and what they were sent. */
  stop(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    this.#queue = [];
    this.#states.clear();
    this.#matchers = null;
  }

  #allows(id: number, token: number): boolean {
    try {
      return this.#matchers?.allows(id, token) ?? false;
    } catch (cause) {
      this.#fail(id, cause);
      return false;
    }
  }

  /** Not for more than half of the time; the rest waits for its turn. */
  #hurry(): void {
    const now = performance.now();
    if (now - this.#hurried.since > 2 * TURN_MS) this.#hurried = { since: now, for: 0 };
    if (this.#hurried.for > TURN_MS) return;
    this.#takeTurn();
    this.#hurried.for += performance.now() - now;
  }

  #takeTurn(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    const until = performance.now() + TURN_MS;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (next.kind === 'close') this.#close(next);
      else this.#perform(next);
      if (performance.now() > until) break;
    }
    if (this.#queue.length > 0) this.#turn ??= setImmediate(() => this.#takeTurn());
  }

  #perform(operation: Operation): void {
    const { id } = operation;
    const { module, vocabulary, onAnswer } = this.#options;
    this.#states.add(id);
    try {
      this.#matchers ??= new Matchers(module, vocabulary, { limits });
      this.#matchers.perform(operation);
    } catch (cause) {
      this.#fail(id, cause);
      return;
    }
    onAnswer({ id, error: null, compileMs: 0 });
  }

  #fail(id: number, cause: unknown): void {
    const { onAnswer, onLost } = this.#options;
    if (cause instanceof GrammarError) {
      this.#queue = this.#queue.filter((later) => later.id !== id);
      onAnswer({ id, error: cause.message, compileMs: 0 });
    } else {
      this.stop();
      onLost(id);
    }
  }

  #close(operation: Operation): void {
    this.#matchers?.perform(operation);
    this.#states.delete(operation.id);
    // WebAssembly never gives memory back.
    if (this.#states.size === 0 && (this.#matchers?.memoryBytes ?? 0) > MAX_IDLE_BYTES) this.#matchers = null;
  }
}
