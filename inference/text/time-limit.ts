/** Runs synchronous code that may never end, such as a template with loops, for a limited time. */
import { createContext, Script } from 'node:vm';

export class TimeLimitExceeded extends Error {
  constructor(limitMs: number) {
    super(`it took more than ${limitMs / 1000} s`);
    this.name = new.target.name;
  }
}

// V8 interrupts whatever a script has called, in this realm too, and no `catch` can hold that up.
const context: { run: () => void } = { run: () => undefined };
createContext(context);
const script = new Script('run()');

/**
 * Blocks the thread for `limitMs` at most; memory is not limited.
 * @throws TimeLimitExceeded; what `run` throws
 */
export function withTimeLimit<T>(limitMs: number, run: () => T): T {
  const results: T[] = [];
  context.run = () => {
    results.push(run());
  };
  try {
    script.runInContext(context, { timeout: limitMs });
  } catch (error) {
    // No `instanceof Error`: it comes from the other realm.
    if ((error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new TimeLimitExceeded(limitMs);
    throw error;
  } finally {
    context.run = () => undefined;
  }
  return results[0] as T;
}
