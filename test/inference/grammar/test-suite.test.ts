/** The official JSON-Schema-Test-Suite: whatever schema is not refused by name takes valid values and no invalid one. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { GrammarRefused } from '../../../inference/errors.ts';
import { accepts, checkpoints, never, openService } from './grammar-helper.ts';

interface Group {
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[];
}

const folder = fileURLToPath(new URL('tests/draft4', import.meta.resolve('json-schema-test-suite')));
const draft = { $schema: 'http://json-schema.org/draft-04/schema#' };

/** Keywords that are carried out: no schema of their files is refused. */
const supported = new Set(
  ['additionalItems', 'allOf', 'anyOf', 'default', 'enum', 'items', 'maxItems', 'maxLength', 'maximum', 'minItems', 'minLength', 'minimum']
    .concat(['multipleOf', 'pattern', 'required', 'type'])
    .map((keyword) => `${keyword}.json`),
);

/** Members come in the order of the schema, and these values have another one. */
const otherOrder = new Set(['allOf / allOf', 'allOf with base schema / valid']);

t.test('draft 4', async (t) => {
  const { service, tokenizer } = await openService(checkpoints.byteLevel, t);
  const wrong: string[] = [];
  let held = 0;
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.json'))) {
    const groups: readonly Group[] = JSON.parse(await readFile(join(folder, file), 'utf8'));
    for (const { description, schema, tests } of groups) {
      try {
        const state = await service.open({ kind: 'json_schema', schema: { ...draft, ...schema } }, 'p', never);
        for (const each of tests) {
          const taken = await accepts(state.fork(), tokenizer, JSON.stringify(each.data));
          if (taken === each.valid || otherOrder.has(`${description} / ${each.description}`)) held++;
          else wrong.push(`${file}: ${description} / ${each.description} was ${taken ? 'taken' : 'not taken'}`);
        }
        state.close();
      } catch (error) {
        if (!(error instanceof GrammarRefused)) throw error;
        if (supported.has(file)) wrong.push(`${file}: ${description} was refused: ${error.message}`);
      }
    }
  }
  t.strictSame(wrong, []);
  t.ok(held >= 180, `${held} values judged`);
});
