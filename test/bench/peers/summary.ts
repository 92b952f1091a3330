/** Tables of a record: medians with their spread, and the ratio of this server to another one measured beside it. */
import { median } from '../statistics.ts';
import type { Measurement } from './record.ts';

type Figure = 'tokensPerSecond' | 'firstTokenMs' | 'gapP99Ms' | 'startMs';

const columns: readonly { readonly title: string; readonly figure: Figure }[] = [
  { title: 'tokens/s', figure: 'tokensPerSecond' },
  { title: 'time to first token, ms', figure: 'firstTokenMs' },
  { title: 'p99 between tokens, ms', figure: 'gapP99Ms' },
];

/** Markdown: for each load and each group of servers measured in turn, a row for each server. */
export function summary(measurements: readonly Measurement[], own: string): string {
  const starts = measurements.filter(({ startMs }) => startMs !== null);
  const loads = measurements.filter(({ startMs }) => startMs === null);
  const head = ['load', 'clients', 'server', 'runs', ...columns.flatMap(({ title }) => [title, 'ratio'])];
  const rows = groups(loads).flatMap((group) => rowsOf(group, own));
  const started = groups(starts).flatMap((group) => startRows(group));
  return [
    ...(rows.length > 0 ? [table(head, rows)] : []),
    ...(started.length > 0 ? [table(['server', 'starts', 'process start to first token, ms'], started)] : []),
  ].join('\n\n');
}

function groups(measurements: readonly Measurement[]): Measurement[][] {
  const found = new Map<string, Measurement[]>();
  for (const line of measurements) {
    const key = JSON.stringify([line.task, line.clients, line.beside]);
    found.set(key, [...(found.get(key) ?? []), line]);
  }
  return [...found.values()];
}

function rowsOf(group: readonly Measurement[], own: string): string[][] {
  const [first] = group;
  if (first === undefined) return [];
  const values = (server: string, figure: Figure) => figuresOf(group, server, figure);
  return first.beside.map((server) => {
    const cells = columns.flatMap(({ figure }) => {
      const ratio = median(values(own, figure)) / median(values(server, figure));
      return [spread(values(server, figure)), server === own ? '' : ratio.toFixed(2)];
    });
    return [first.task, String(first.clients), server, String(values(server, 'tokensPerSecond').length), ...cells];
  });
}

function startRows(group: readonly Measurement[]): string[][] {
  const [first] = group;
  if (first === undefined) return [];
  const values = figuresOf(group, first.server, 'startMs');
  return [[first.server, String(values.length), spread(values)]];
}

function figuresOf(group: readonly Measurement[], server: string, figure: Figure): number[] {
  return group.flatMap((line) => (line.server === server && line[figure] !== null ? [line[figure]] : []));
}

/** Median, least and greatest. */
function spread(values: readonly number[]): string {
  return `${short(median(values))} (${short(Math.min(...values))}–${short(Math.max(...values))})`;
}

const short = (value: number) => value.toFixed(value < 10 ? 1 : 0);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
