import t from 'tap';
import type { Measurement } from './record.ts';
import { summary } from './summary.ts';

const measured = (server: string, beside: readonly string[], tokensPerSecond: number, firstTokenMs: number): Measurement => ({
  task: 'short',
  clients: 16,
  beside,
  server,
  tokens: 100,
  promptTokens: 10,
  tokensPerSecond,
  firstTokenMs,
  firstTokenP95Ms: firstTokenMs,
  gapMs: 1,
  gapP99Ms: 20,
  startMs: null,
});

t.test('a server is told with its median, spread and the ratio of ours in the same rounds', async (t) => {
  const [one, other] = [
    ['ours', 'one'],
    ['ours', 'other'],
  ];
  const text = summary(
    [
      ...[300, 100, 200].map((rate) => measured('ours', one!, rate, 50)),
      ...[100, 50, 400].map((rate) => measured('one', one!, rate, 100)),
      measured('ours', other!, 1000, 5),
      measured('other', other!, 500, 4),
    ],
    'ours',
  );
  t.match(text, '| short | 16 | ours | 3 | 200 (100–300) |  | 50 (50–50) |  | 20 (20–20) |  |');
  t.match(text, '| short | 16 | one | 3 | 100 (50–400) | 2.00 | 100 (100–100) | 0.50 | 20 (20–20) | 1.00 |');
  t.match(text, '| short | 16 | other | 1 | 500 (500–500) | 2.00 | 4.0 (4.0–4.0) | 1.25 | 20 (20–20) | 1.00 |');
});

t.test('starts are a table of their own', async (t) => {
  const start = { ...measured('ours', ['ours'], 0, 20), task: 'start', clients: 0 };
  t.match(
    summary(
      [1200, 900, 1000].map((startMs) => ({ ...start, startMs })),
      'ours',
    ),
    '| ours | 3 | 1000 (900–1200) |',
  );
});
