/** A grammar service over the embedded model's tokeniser, and walks through its grammars. */
import { join } from 'node:path';
import { GrammarService, type GrammarServiceOptions } from '../../../inference/grammar/grammar-service.ts';
import type { GrammarState } from '../../../inference/grammar/grammar-state.ts';
import { readVocabulary } from '../../../inference/grammar/vocabulary.ts';
import { loadTokenizer, type Tokenizer } from '../../../inference/text/tokenizer.ts';

const root = join(import.meta.dirname, '../../..');
export const checkpoints = {
  tiny: join(root, 'inference/checkpoints/firellava-tiny'),
  byteLevel: join(root, 'test/fixtures/text/byte-level'),
};

export const never = new AbortController().signal;

export async function openService(folder: string, t: { teardown(fn: () => unknown): void }, options?: GrammarServiceOptions) {
  const tokenizer = await loadTokenizer(folder);
  const vocabulary = readVocabulary(tokenizer);
  if (vocabulary === null) throw new Error(`${folder} has no end token`);
  const service = new GrammarService(vocabulary, options);
  t.teardown(() => service.close());
  return { service, tokenizer, vocabulary };
}

/** Ids that may come next. */
export async function allowed(state: GrammarState, vocabSize: number): Promise<number[]> {
  await state.settle();
  const logits = new Float32Array(vocabSize);
  state.apply(logits);
  return [...logits.keys()].filter((id) => logits[id] === 0);
}

/** Takes a text token by token; true if the grammar allows each of them and the end after them. Closes the state. */
export async function accepts(state: GrammarState, tokenizer: Tokenizer, text: string): Promise<boolean> {
  try {
    for (const id of [...tokenizer.encode(text, { special: false }), ...tokenizer.eosTokenIds.slice(0, 1)]) {
      if (!(await allowed(state, tokenizer.vocabSize)).includes(id)) return false;
      if (!tokenizer.eosTokenIds.includes(id)) state.accept(id);
    }
    return true;
  } finally {
    state.close();
  }
}
