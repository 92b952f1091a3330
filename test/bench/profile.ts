/** What the profile tells, and how it is printed. */
import type { Phase } from './phases.ts';

export interface OperatorTime {
  /** Its type, and for a matrix product `[rows, in] → out`. */
  readonly name: string;
  /** In one run of the graph. */
  readonly milliseconds: number;
}

export interface RunProfile {
  readonly describes: string;
  readonly operators: readonly OperatorTime[];
}

export interface PhaseProfile {
  readonly workload: string;
  readonly clients: number;
  readonly phases: readonly Phase[];
}

/** Operators that take less are put together. */
const leastShare = 0.01;

export function runTable({ describes, operators }: RunProfile): string {
  const total = operators.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const shown = operators.filter(({ milliseconds }) => milliseconds >= leastShare * total);
  const rest = total - shown.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const lines = [...shown, { name: 'all others', milliseconds: rest }].map(({ name, milliseconds }) =>
    line(`${milliseconds.toFixed(2)} ms`, milliseconds / total, name),
  );
  return [`${describes}: ${total.toFixed(1)} ms in operators`, ...lines].join('\n');
}

export function phaseTable({ workload, clients, phases }: PhaseProfile): string {
  return [
    `the server's thread with ${clients} clients of ${workload}, streamed`,
    ...phases.map(({ name, share }) => line('', share, name)),
  ].join('\n');
}

const line = (time: string, share: number, name: string) => `${time.padStart(12)}${(100 * share).toFixed(1).padStart(7)} %  ${name}`;
