/** What is measured, as the measuring processes tell it and `--json` prints it. Times in milliseconds. */
import type { Load } from './load.ts';

export interface LibraryLevel extends Load {
  /** Spent inside ONNX Runtime during the load. */
  readonly runtimeMs: number;
  readonly longestGapMs: number;
}

export interface PrefillResult {
  readonly promptTokens: number;
  /** Median from asking to the first text, one client. */
  readonly milliseconds: number;
  readonly tokensPerSecond: number;
}

export interface LibraryResult {
  /** Compilation (unless cached) and loading. */
  readonly loadMs: number;
  readonly prefill: PrefillResult | null;
  readonly levels: readonly LibraryLevel[];
}

export interface HttpLevel extends Load {
  /** In the server's process. */
  readonly longestGapMs: number;
}

/** Milliseconds per decode step of a batch, medians over blocks. */
export interface StepComparison {
  readonly batch: number;
  readonly engine: number;
  readonly sessionRun: number;
}

/** Tokens per second with speculative decoding off and on, medians over blocks; gains are of neighbouring blocks. */
export interface SpeculationComparison {
  /** What kind of text is generated. */
  readonly text: string;
  readonly clients: number;
  readonly off: number;
  readonly on: number;
  readonly gain: number;
  readonly leastGain: number;
  readonly mostGain: number;
  readonly draftTokens: number;
  readonly acceptedTokens: number;
}

export interface WorkloadResult {
  readonly name: string;
  readonly describes: string;
  readonly library: LibraryResult;
  readonly http: readonly HttpLevel[];
}

export interface BenchResult {
  readonly workloads: readonly WorkloadResult[];
  readonly steps: readonly StepComparison[];
  readonly speculation: readonly SpeculationComparison[];
}
