import { join } from 'node:path';
import t from 'tap';
import { type Measurement, RecordFile } from './record.ts';

const line = (server: string, beside: readonly string[], clients = 4): Measurement => ({
  task: 'short',
  clients,
  beside,
  server,
  tokens: 1,
  promptTokens: 1,
  tokensPerSecond: 1,
  firstTokenMs: 1,
  firstTokenP95Ms: 1,
  gapMs: 1,
  gapP99Ms: 1,
  startMs: null,
});

t.test('a record is gone on with: rounds are counted for the servers that were measured together', async (t) => {
  const path = join(t.testdir(), 'deeper', 'record.jsonl');
  const together = ['ours', 'other'];
  const record = await RecordFile.open(path);
  t.equal(record.rounds('short', 4, together), 0);
  await record.add(together.map((server) => line(server, together)));
  await record.add(together.map((server) => line(server, together)));
  await record.add([line('ours', ['ours', 'third']), line('ours', together, 16)]);
  const again = await RecordFile.open(path);
  t.strictSame(again.measurements, record.measurements);
  t.equal(again.rounds('short', 4, together), 2);
  t.equal(again.rounds('short', 16, together), 1);
  t.equal(again.rounds('long', 4, together), 0);
});
