/** The thread of the grammar engine. A trap ends it. */
import { parentPort, workerData } from 'node:worker_threads';
import { GrammarError } from './llguidance.ts';
import { Matchers } from './matchers.ts';
import type { Answer, Operation, Ready, ThreadData } from './messages.ts';
import { compileModule } from './wasm-module.ts';

/** Answers go out at the latest after so many milliseconds, though more operations wait. */
const MAX_SILENCE_MS = 1;

const { vocabulary, quickMs, progress } = workerData as ThreadData;
const counters = new Int32Array(progress);
const module = await compileModule();
const matchers = new Matchers(module, vocabulary, { quickMs });

parentPort?.on('message', (operations: readonly Operation[]) => {
  let answers: Answer[] = [];
  let spokeAt = performance.now();
  for (const operation of operations) {
    const { id } = operation;
    Atomics.store(counters, 1, id);
    Atomics.add(counters, 0, 1);
    let error: string | null = null;
    let compileMs = 0;
    try {
      compileMs = matchers.perform(operation);
    } catch (cause) {
      if (!(cause instanceof GrammarError)) throw cause;
      error = cause.message;
    }
    if (operation.kind === 'close') continue;
    answers.push({ id, error, compileMs });
    if (performance.now() - spokeAt < MAX_SILENCE_MS) continue;
    parentPort?.postMessage(answers);
    answers = [];
    spokeAt = performance.now();
  }
  Atomics.store(counters, 1, 0);
  Atomics.store(counters, 2, matchers.memoryBytes / 2 ** 20);
  if (answers.length > 0) parentPort?.postMessage(answers);
});
parentPort?.postMessage({ module } satisfies Ready);
