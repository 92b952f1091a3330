/** Prints what the benchmark measured. */
import type { Load } from './load.ts';
import type { BenchResult, LibraryLevel, SpeculationComparison, StepComparison, WorkloadResult } from './results.ts';

export function report({ workloads, steps, speculation }: BenchResult): string {
  return [...workloads.map(workload), stepTable(steps), speculationTable(speculation)].filter((part) => part !== '').join('\n\n');
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(14))).join('');
}

const common = ['clients', 'tokens/s', 'requests/s', 'TTFT median', 'TTFT p95', 'token gap p99'];

function loadCells(load: Load): string[] {
  const { median, p95 } = load.firstTokenMs;
  return [
    String(load.clients),
    load.tokensPerSecond.toFixed(0),
    load.requestsPerSecond.toFixed(1),
    ms(median),
    ms(p95),
    ms(load.gapMs.p99),
  ];
}

function workload({ name, describes, library, http }: WorkloadResult): string {
  const { prefill } = library;
  return [
    `${name} (${describes})`,
    `loaded in ${(library.loadMs / 1000).toFixed(1)} s`,
    ...(prefill === null
      ? []
      : [`prefill: ${prefill.tokensPerSecond.toFixed(0)} tokens/s (${prefill.promptTokens} tokens in ${ms(prefill.milliseconds)})`]),
    '',
    'as a library',
    row([...common, 'wall/ORT', 'loop gap']),
    ...library.levels.map((level) => row([...loadCells(level), ratio(level), ms(level.longestGapMs)])),
    ...(http.length === 0 ? [] : ['', 'over HTTP, streamed', row([...common, 'loop gap'])]),
    ...http.map((level) => row([...loadCells(level), ms(level.longestGapMs)])),
  ].join('\n');
}

/** 1.00 when the runtime never waits for the engine. */
function ratio(level: LibraryLevel): string {
  return (level.wallMs / level.runtimeMs).toFixed(3);
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}

function stepTable(steps: readonly StepComparison[]): string {
  if (steps.length === 0) return '';
  const lines = steps.map(({ batch, engine, sessionRun }) =>
    row([
      String(batch),
      ms(engine),
      ms(sessionRun),
      `${(sessionRun / engine).toFixed(1)}×`,
      ((1000 * batch) / engine).toFixed(0),
      ((1000 * batch) / sessionRun).toFixed(0),
    ]),
  );
  const head = row(['batch', 'engine', 'session.run', 'faster', 'engine tok/s', 's.run tok/s']);
  return ['one decode step of llama-135m, the same graph through the engine and through onnxruntime-node', head, ...lines].join('\n');
}

function speculationTable(comparisons: readonly SpeculationComparison[]): string {
  if (comparisons.length === 0) return '';
  const lines = comparisons.map(({ text, clients, off, on, gain, leastGain, mostGain, draftTokens, acceptedTokens }) =>
    row([
      String(clients),
      off.toFixed(0),
      on.toFixed(0),
      `${gain.toFixed(2)}×`,
      `${leastGain.toFixed(2)}…${mostGain.toFixed(2)}`,
      String(draftTokens),
      draftTokens === 0 ? '–' : `${((100 * acceptedTokens) / draftTokens).toFixed(0)} %`,
      `  ${text}`,
    ]),
  );
  const head = row(['clients', 'off, tok/s', 'on, tok/s', 'gain', 'from … to', 'drafted', 'accepted', '  text that']);
  return ['speculative decoding of llama-135m, off and on in turn', head, ...lines].join('\n');
}
