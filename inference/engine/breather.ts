/** Lets other work of the thread have its turn between pieces of a longer computation. */
import { setImmediate as macrotask } from 'node:timers/promises';

/** Milliseconds after which a computation gives way. */
const MAX_BUSY_MS = 2;

/** Made when the computation begins. */
export class Breather {
  #busySince = performance.now();

  /** Called after each piece: resolves at once while the computation has not been long. */
  async pause(): Promise<void> {
    if (performance.now() - this.#busySince < MAX_BUSY_MS) return;
    await macrotask();
    this.#busySince = performance.now();
  }
}
