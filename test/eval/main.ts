/** `npm run eval:tiny`: asks the served model about pictures it has not seen, over HTTP, and prints how often it is right. */
import { parseArgs } from 'node:util';
import { startServer } from '../tools/server.ts';
import { answer, firstModel } from './client.ts';
import { right } from './judge.ts';
import { type Question, questions } from './questions.ts';
import { dataUri, requireFonts } from './raster.ts';
import { type Outcome, table, tally, writeFailures } from './report.ts';

const help = `npm run eval:tiny -- [options]
  --url URL        ask this server instead of starting one with the embedded model
  --model NAME     the model to ask for (default: the first one listed)
  --each N         questions per category about drawn pictures (default 40)
  --seed N         seed of the pictures and questions (default 1)
  --failures DIR   write failures.json and the pictures that were answered wrongly
  --json           print JSON instead of the table
Exit code 1 when a category is below its bar.`;

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    model: { type: 'string' },
    each: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    failures: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Questions in flight; more than one, since the server batches. */
const clients = 4;

async function askAll(url: string, model: string, asked: readonly Question[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const left = asked.entries();
  const client = async () => {
    for (const [index, question] of left) {
      const said = await answer(url, model, question.text, dataUri(await question.picture()));
      outcomes[index] = { question, answer: said, right: right(said, question.expected) };
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return outcomes;
}

async function main(): Promise<void> {
  if (options.help) return console.log(help);
  await requireFonts();
  const started = options.url === undefined ? await startServer() : undefined;
  const url = (options.url ?? started?.url ?? '').replace(/\/+$/, '').replace(/\/v1$/, '');
  try {
    const outcomes = await askAll(url, options.model ?? (await firstModel(url)), questions(Number(options.seed), Number(options.each)));
    const rows = tally(outcomes);
    console.log(options.json ? JSON.stringify(rows, null, 2) : table(rows));
    if (options.failures !== undefined) await writeFailures(options.failures, outcomes);
    if (rows.some((row) => !row.pass)) process.exitCode = 1;
  } finally {
    await started?.stop();
  }
}

await main();
