/** How much of each thing a run of the benchmark does. */

export interface Plan {
  /** Clients at once, and requests that they share. */
  readonly levels: readonly { readonly clients: number; readonly requests: number }[];
  readonly prefills: number;
  /** Batches of the comparison with `session.run`, steps of each block, and blocks (each side in turn). */
  readonly comparison: { readonly batches: readonly number[]; readonly steps: number; readonly blocks: number };
  /** Clients of the comparison of speculative decoding, tokens of an answer, and blocks (each side in turn). */
  readonly speculation: { readonly clients: readonly number[]; readonly tokens: number; readonly blocks: number };
  /** Threads of the runtime. */
  readonly threads: number;
}

export const slots = 32;

export function planOf(quick: boolean, threads: number): Plan {
  const requests = quick ? [2, 4, 16, 32] : [10, 24, 64, 96];
  return {
    levels: [1, 4, 16, 32].map((clients, i) => ({ clients, requests: requests[i] ?? clients })),
    prefills: quick ? 3 : 9,
    comparison: { batches: [1, 4, 16], steps: quick ? 6 : 20, blocks: quick ? 2 : 5 },
    speculation: { clients: [1, 4, 16], tokens: quick ? 32 : 128, blocks: quick ? 2 : 5 },
    threads,
  };
}
