/** The longest time that the event loop of this process could not turn. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between samples; what the loop is late beyond it is the gap. */
const resolution = 1;

export class LoopGap {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution });

  start(): void {
    this.#delays.enable();
    this.#delays.reset();
  }

  /** Milliseconds, since `start()`. */
  longest(): number {
    return Math.max(0, this.#delays.max / 1e6 - resolution);
  }

  stop(): void {
    this.#delays.disable();
  }
}
