/** The thread of the grammar engine: a state is a matcher and the memory for its mask. A trap ends the thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { GrammarError, Llguidance, type Matcher } from './llguidance.ts';
import { type Answer, type Operation, READY, type ThreadData } from './messages.ts';
import type { GrammarSource } from './source.ts';
import { compileModule } from './wasm-module.ts';

interface State {
  readonly matcher: Matcher;
  readonly mask: Uint32Array;
}

/** Answers go out at the latest after so many milliseconds, though more operations wait. */
const MAX_SILENCE_MS = 1;

const { vocabulary, progress } = workerData as ThreadData;
const counters = new Int32Array(progress);
const engine = new Llguidance(await compileModule(), vocabulary);
const states = new Map<number, State>();
/** Untouched matchers by their sources: a copy takes a fraction of a compilation. Bounded by the length of the sources. */
const compiled = new LRUCache<string, Matcher>({
  max: 64,
  maxSize: 2 ** 21,
  sizeCalculation: (_, source) => source.length,
  dispose: (matcher) => engine.free(matcher),
});

function compile({ type, text }: GrammarSource): Matcher {
  const key = `${type} ${text}`;
  const known = compiled.get(key);
  if (known !== undefined) return engine.copy(known);
  const matcher = engine.compile(type, text);
  compiled.set(key, matcher);
  return engine.copy(matcher);
}

function perform(operation: Exclude<Operation, { kind: 'close' }>): void {
  const { id } = operation;
  if (operation.kind === 'open' || operation.kind === 'fork') {
    const matcher = operation.kind === 'open' ? compile(operation.source) : engine.copy(stateOf(operation.from).matcher);
    states.set(id, { matcher, mask: new Uint32Array(operation.mask) });
    if (operation.kind === 'open') for (const token of operation.tokens) engine.consume(matcher, token);
  }
  const { matcher, mask } = stateOf(id);
  if (operation.kind === 'accept') engine.consume(matcher, operation.token);
  if (operation.kind === 'rollback') engine.rollback(matcher, operation.tokens);
  engine.fillMask(matcher, mask);
  const { endToken, endTokens } = vocabulary;
  if (((mask[endToken >> 5] ?? 0) >>> (endToken & 31)) & 1) {
    for (const token of endTokens) mask[token >> 5] = (mask[token >> 5] ?? 0) | (1 << (token & 31));
  }
}

function stateOf(id: number): State {
  const state = states.get(id);
  if (state === undefined) throw new GrammarError('Its grammar was refused before.');
  return state;
}

function close(id: number): void {
  const state = states.get(id);
  if (states.delete(id) && state !== undefined) engine.free(state.matcher);
}

parentPort?.on('message', (operations: readonly Operation[]) => {
  let answers: Answer[number][] = [];
  let spokeAt = performance.now();
  for (const operation of operations) {
    Atomics.store(counters, 1, operation.id);
    Atomics.add(counters, 0, 1);
    if (operation.kind === 'close') {
      close(operation.id);
      continue;
    }
    let error: string | null = null;
    try {
      perform(operation);
    } catch (cause) {
      if (!(cause instanceof GrammarError)) throw cause;
      error = cause.message;
    }
    answers.push({ id: operation.id, error });
    if (performance.now() - spokeAt < MAX_SILENCE_MS) continue;
    parentPort?.postMessage(answers);
    answers = [];
    spokeAt = performance.now();
  }
  Atomics.store(counters, 1, 0);
  Atomics.store(counters, 2, engine.memoryBytes / 2 ** 20);
  if (answers.length > 0) parentPort?.postMessage(answers);
});
parentPort?.postMessage(READY);
