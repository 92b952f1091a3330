/** What the context probe tells, and how it is printed. */

export interface ContextStep {
  /** Tokens in the cache. */
  readonly context: number;
  /** One decode step of one sequence, the median of blocks. */
  readonly milliseconds: number;
  /** Weights and cache that the step has to read. */
  readonly bytes: number;
  /** Of the memory's bandwidth. */
  readonly share: number;
}

export interface ContextResult {
  /** Bytes a second that all threads together read from memory. */
  readonly bandwidth: number;
  readonly steps: readonly ContextStep[];
}

export function contextTable({ bandwidth, steps }: ContextResult): string {
  const [shortest] = steps;
  const cells = steps.map(({ context, milliseconds, bytes, share }) => [
    String(context),
    `${milliseconds.toFixed(2)} ms`,
    `${(milliseconds / (shortest?.milliseconds ?? milliseconds)).toFixed(2)}×`,
    `${(bytes / 1e6).toFixed(0)} MB`,
    `${(100 * share).toFixed(0)} %`,
  ]);
  const head = ['context', 'step', 'of the first', 'read', 'of bandwidth'];
  const lines = [head, ...cells].map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(14))).join(''));
  return [`one decode step of llama-135m, batch 1; memory is read at ${(bandwidth / 1e9).toFixed(1)} GB/s`, ...lines].join('\n');
}
