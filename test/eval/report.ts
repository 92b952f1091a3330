/** What an evaluation found: a table to print, and the failures with their pictures to look at. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bars, type Category, categories, type Question } from './questions.ts';

export interface Outcome {
  readonly question: Question;
  readonly answer: string;
  readonly right: boolean;
}

export interface Row {
  readonly category: Category;
  readonly asked: number;
  readonly right: number;
  readonly share: number;
  readonly bar: number;
  readonly pass: boolean;
}

export function tally(outcomes: readonly Outcome[]): Row[] {
  return categories.flatMap((category) => {
    const of = outcomes.filter(({ question }) => question.category === category);
    if (of.length === 0) return [];
    const right = of.filter((outcome) => outcome.right).length;
    const share = right / of.length;
    return { category, asked: of.length, right, share, bar: bars[category], pass: share >= bars[category] };
  });
}

export function table(rows: readonly Row[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`.padStart(8);
  const line = (name: string, asked: number, right: number, share: number) =>
    `${name.padEnd(10)}${String(asked).padStart(7)}${String(right).padStart(7)}  ${percent(share)}`;
  const head = `${'category'.padEnd(10)}${'asked'.padStart(7)}${'right'.padStart(7)}  ${'share'.padStart(8)}  ${'bar'.padStart(5)}  pass`;
  const body = rows.map((row) => {
    const bar = `${Math.round(100 * row.bar)} %`.padStart(5);
    return `${line(row.category, row.asked, row.right, row.share)}  ${bar}  ${row.pass ? 'yes' : 'NO'}`;
  });
  const asked = rows.reduce((sum, row) => sum + row.asked, 0);
  const right = rows.reduce((sum, row) => sum + row.right, 0);
  return [head, ...body, line('all', asked, right, right / asked)].join('\n');
}

/** Writes `failures.json` and one picture for each failure into `folder`. */
export async function writeFailures(folder: string, outcomes: readonly Outcome[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const failures = [];
  for (const [index, { question, answer, right }] of outcomes.entries()) {
    if (right) continue;
    const { bytes, format } = await question.picture();
    const file = `${question.category}-${index}.${format}`;
    await writeFile(join(folder, file), bytes);
    failures.push({ file, category: question.category, question: question.text, expected: question.expected, answer });
  }
  await writeFile(join(folder, 'failures.json'), `${JSON.stringify(failures, null, 2)}\n`);
}
