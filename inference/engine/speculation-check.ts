/** Whether speculation can be had on this machine: whether several rows of one slot really give the bits of several steps. */
import type { ModelRunner } from './model-runner.ts';

const PROMPT = 8;
const ROWS = 4;

/**
 * Decodes a few tokens one by one and again in one run, in the first slot, whose content is lost. It is asked before the runner
 * serves: what makes rows equal is a property of kernels that another runtime, processor or setting may not have.
 */
export async function rowsAreExact(runner: ModelRunner): Promise<boolean> {
  const rowsPerSlot = Math.min(ROWS, runner.rowsPerSlot);
  if (rowsPerSlot === 1 || runner.maxModelLen < PROMPT + rowsPerSlot) return false;
  try {
    return await areExact(runner, rowsPerSlot);
  } catch (error) {
    // The system has not enough addresses for it.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

async function areExact(runner: ModelRunner, rowsPerSlot: number): Promise<boolean> {
  const { decoder, vision } = runner.spec;
  const { vocabSize } = decoder;
  const ids = Int32Array.from({ length: PROMPT + rowsPerSlot }, (_, i) => (7 * i + 2) % vocabSize).map((id) =>
    id === vision?.imageTokenId ? 0 : id,
  );
  const lengths = Int32Array.from({ length: rowsPerSlot }, (_, row) => PROMPT + row);
  const guesses = ids.slice(PROMPT);
  const prompt = { slot: 0, start: 0, ids: ids.slice(0, PROMPT), imageIndex: null, imageFeatures: null, wantLogits: false };
  await runner.prefill(prompt);
  const together = (await runner.decode({ firstSlot: 0, ids: guesses, lengths, rowsPerSlot })).slice();
  for (let row = 0; row < rowsPerSlot; row++) {
    const step = { firstSlot: 0, ids: guesses.slice(row, row + 1), lengths: lengths.slice(row, row + 1) };
    const alone = await runner.decode(step);
    const same = together.subarray(row * vocabSize, (row + 1) * vocabSize).every((logit, id) => Object.is(logit, alone[id]));
    if (!same) return false;
  }
  return true;
}
