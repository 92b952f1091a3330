/** Memory through which one worker thread is given its pictures: a transfer would take them from their owner, a clone copies twice. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes copied between two turns of the event loop: about a millisecond. */
const slice = 2 * 1024 * 1024;
/** Larger memory is not kept: it would stay as large as the largest picture that ever came. */
const mostKept = 4 * 1024 * 1024;

export class SharedPixels {
  /** Used again for the next picture: fresh pages, and their garbage, cost more than the copy. */
  #kept: SharedArrayBuffer | null = null;

  /** Valid until the next call, which must not come before the thread has read it. @returns a copy in shared memory */
  async hold(data: Uint8Array): Promise<Uint8Array<SharedArrayBuffer>> {
    const memory = this.#kept !== null && this.#kept.byteLength >= data.length ? this.#kept : new SharedArrayBuffer(data.length);
    if (memory.byteLength <= mostKept) this.#kept = memory;
    const copy = new Uint8Array(memory, 0, data.length);
    for (let at = 0; at < data.length; at += slice) {
      if (at > 0) await nextTurn();
      copy.set(data.subarray(at, at + slice), at);
    }
    return copy;
  }
}
