/** Compares the evaluation's wordings and words with the training's banks, read from its Python source. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../tools/project.ts';
import { words } from './questions.ts';
import { wordings } from './wordings.ts';

const training = (file: string) => readFileSync(join(projectRoot(), 'training', file), 'utf8');

/** All string literals of the tuples (and dictionaries) that are assigned to names in capitals. */
function banks(source: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, name = '', body = ''] of source.matchAll(/^([A-Z_]+) = [({]([\s\S]*?)[)}]$/gm)) {
    const texts = [...body.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text);
    found.set(name, [...(found.get(name) ?? []), ...texts]);
  }
  return found;
}

/** One form for both sides: what may stand for a thing, picture or colour becomes its slot; courtesy and punctuation go. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/the \{colou?r\} \w+|(the|this) \{shape\}|\{thing\}|\{shapes\}|\{x\}|\{y\}/g, 'X')
    .replaceAll(/\b(a|an) X|\{a\}/g, 'X')
    .replaceAll(/\{pic\}|\b(picture|image|photo|drawing|scene|pic|illustration|photograph)\b/g, 'P')
    .replaceAll(/\{col\}|\bcolou?r\b/g, 'C')
    .replaceAll(/\{obj\}|\b(shape|object|figure|thing|item|form|symbol)\b/g, 'O')
    .replaceAll(/\{rel\}/g, 'R')
    .replaceAll(/to the (left|right) of|on the (left|right)( side)? of/g, 'R')
    .replaceAll(/\bplease\b|[^\w' ]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

t.test('no wording of the evaluation is one the training asks', async (t) => {
  // All of its source but its own evaluation, so that a bank in a new file is compared too.
  const files = readdirSync(join(projectRoot(), 'training')).filter((file) => /\.py$/.test(file) && !/^(evaluate|unseen)\.py$/.test(file));
  const found = banks(files.map(training).join('\n'));
  const apart = ['PIC', 'COL', 'OBJ', 'LEADS', 'BEFORE', 'AFTER', 'ONE_WORD', 'FULL', 'REL', 'AT'];
  const direct = [...found].filter(([name]) => !apart.includes(name)).flatMap(([, texts]) => texts.map(plain));
  t.ok(direct.length > 200, `read ${direct.length} training phrases`);
  const dressing = ['', ...(found.get('BEFORE') ?? []), ...(found.get('LEADS') ?? [])].map(plain);
  t.ok(dressing.length > 30);
  const asked = new Set(dressing.flatMap((lead) => direct.map((phrase) => `${lead} ${phrase}`.trim())));
  for (const known of ['What colour is the {shape}?', 'Tell me the color of the {shape}, please.', 'What is to the left of the {shape}?']) {
    t.ok(asked.has(plain(known)), `the comparison finds: ${known}`);
  }
  for (const wording of Object.values(wordings).flat()) t.notOk(asked.has(plain(wording)), wording);
});

t.test('no word to be read is in the training list', async (t) => {
  const [, list = ''] = /WORDS = """([\s\S]*?)"""/.exec(training('world.py')) ?? [];
  const known = new Set(list.split(/\s+/));
  t.ok(known.size > 100);
  t.strictSame(
    words.filter((word) => known.has(word)),
    [],
  );
});
