/** Compiled checkpoints give the logits and the greedy text of transformers in float32, alone and sharing a batch. */
import t, { type Test } from 'tap';
import { compileCheckpoint } from '../../inference/compile/compile.ts';
import type { ModelRunner } from '../../inference/engine/model-runner.ts';
import { createSessionRunner } from '../../inference/engine/session-runner.ts';
import { type ReferencePrompt, readReference, referenceNames, temporaryFolder } from './references.ts';

const TOLERANCE = 1e-3;

for (const name of await referenceNames()) {
  t.test(name, async (t) => {
    const { checkpoint, prompts } = await readReference(name);
    const compiled = await compileCheckpoint(checkpoint, { quantization: 'none', cacheDir: await temporaryFolder(t) });
    const longest = Math.max(...prompts.map(({ inputIds, tokens }) => inputIds.length + tokens.length));
    const runner = await createSessionRunner(compiled, { slots: prompts.length, maxModelLen: longest, threads: 1, spinning: false });
    t.teardown(() => runner.close());

    for (const prompt of prompts) {
      t.test(`${prompt.name}, alone`, async (t) => {
        const run = new Run(prompt);
        run.take((await prefill(runner, prompt, 0, prompt.inputIds.length))!);
        while (!run.done) run.take(await runner.decode({ firstSlot: 0, ids: Int32Array.of(run.last), lengths: Int32Array.of(run.length) }));
        run.compare(t);
      });
    }

    t.test('all prompts at once, read in chunks of seven tokens, in slots of different lengths', async (t) => {
      const runs = prompts.map((prompt) => new Run(prompt));
      for (const [slot, run] of runs.entries()) run.take((await prefill(runner, run.prompt, slot, 7))!);
      const vocab = runner.spec.decoder.vocabSize;
      while (runs.some((run) => !run.done)) {
        const ids = Int32Array.from(runs, (run) => run.last);
        const logits = await runner.decode({ firstSlot: 0, ids, lengths: Int32Array.from(runs, (run) => run.length) });
        for (const [row, run] of runs.entries()) run.take(logits.subarray(row * vocab, (row + 1) * vocab));
      }
      for (const run of runs) run.compare(t);
    });
  });
}

/** Feeds a prompt in chunks of at most `size` tokens. */
async function prefill(runner: ModelRunner, prompt: ReferencePrompt, slot: number, size: number): Promise<Float32Array | null> {
  const { inputIds, pixels } = prompt;
  const imageTokenId = runner.spec.vision?.imageTokenId;
  let imageFeatures: Float32Array | null = null;
  if (pixels.length > 0) {
    const all = Float32Array.from(pixels.flatMap((picture) => Array.from(picture)));
    imageFeatures = (await runner.encodeImages(all, pixels.length)).slice();
  }
  let feature = 0;
  const imageIndex = inputIds.map((id) => (id === imageTokenId ? feature++ : -1));
  let logits: Float32Array | null = null;
  for (let start = 0; start < inputIds.length; start += size) {
    const end = Math.min(start + size, inputIds.length);
    logits = await runner.prefill({
      slot,
      start,
      ids: inputIds.slice(start, end),
      imageIndex: imageFeatures && imageIndex.slice(start, end),
      imageFeatures,
      wantLogits: end === inputIds.length,
    });
  }
  return logits;
}

/** One greedy generation, and how far it is from its reference. */
class Run {
  readonly prompt: ReferencePrompt;
  readonly tokens: number[] = [];
  #largestDifference = 0;

  constructor(prompt: ReferencePrompt) {
    this.prompt = prompt;
  }

  get done(): boolean {
    return this.tokens.length === this.prompt.tokens.length;
  }

  get last(): number {
    return this.tokens.at(-1)!;
  }

  /** Tokens in the cache before the next step. */
  get length(): number {
    return this.prompt.inputIds.length + this.tokens.length - 1;
  }

  take(logits: Float32Array): void {
    const expected = this.prompt.logits[this.tokens.length]!;
    let best = 0;
    for (const [id, logit] of logits.entries()) {
      this.#largestDifference = Math.max(this.#largestDifference, Math.abs(logit - expected[id]!));
      if (logit > logits[best]!) best = id;
    }
    this.tokens.push(best);
  }

  compare(t: Test): void {
    t.ok(this.#largestDifference <= TOLERANCE, `${this.prompt.name}: logits differ by at most ${this.#largestDifference.toExponential(1)}`);
    t.same(this.tokens, this.prompt.tokens, `${this.prompt.name}: the same ${this.tokens.length} greedy tokens`);
  }
}
