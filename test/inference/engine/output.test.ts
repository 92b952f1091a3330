/** What is told of an answer's tokens, and what ends it. */
import t from 'tap';
import type { OutputParams, PromptTokenLogprobs, StoppingParams, TokenLogprobs } from '../../../inference/types.ts';
import { EOS } from './arithmetic-runner.ts';
import { type Answer, ask, image, never, placeholders, read, start, words } from './engine-helper.ts';

const stopping = (change: Partial<StoppingParams>): StoppingParams => ({ maxTokens: 20, stop: [], stopTokenIds: [], ...change });

function logprobsOf({ events }: Answer): TokenLogprobs[] {
  return events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));
}

function promptOf({ events }: Answer): readonly PromptTokenLogprobs[] {
  const first = events.find(({ type }) => type !== 'begin');
  return first?.type === 'prompt' ? first.logprobs : [];
}

t.test('each token comes with its log probability and the likeliest ones', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const answer = await read(engine.submit(ask(words(9), { output: { logprobs: 3 } }), never()));
  const tokens = logprobsOf(answer);
  t.equal(tokens.length, 20);
  t.equal(tokens.map(({ bytes }) => Buffer.from(bytes ?? []).toString()).join(''), answer.texts[0]);
  for (const [index, { id, logprob, top, offset, name }] of tokens.entries()) {
    t.equal(offset, index, 'each token is one character here');
    t.equal(name, `token ${id}`);
    t.equal(top.length, 3);
    t.strictSame([top[0]?.id, top[0]?.logprob], [id, logprob], 'greedy takes the likeliest');
    t.ok(top[0]!.logprob >= top[1]!.logprob && top[1]!.logprob >= top[2]!.logprob && logprob <= 0);
  }
  const finish = answer.events.find((event) => event.type === 'finish');
  t.equal(
    finish?.logprob,
    tokens.reduce((sum, { logprob }) => sum + logprob, 0),
  );
  const plain = await read(engine.submit(ask(words(9)), never()));
  t.equal(plain.texts[0], answer.texts[0]);
  t.ok(
    plain.events.every((event) => !('logprobs' in event) && !('logprob' in event)),
    'nobody is told who has not asked',
  );
});

t.test('log probabilities are those of the model alone', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const output: OutputParams = { logprobs: 2 };
  const [greedy] = logprobsOf(await read(engine.submit(ask(words(9), { output }), never())));
  const sampling = { temperature: 2, topP: 0.1, topK: 1, seed: 1, logitBias: new Map([[40, 100]]), presencePenalty: 2 };
  const [steered] = logprobsOf(await read(engine.submit(ask(words(9), { output, sampling }), never())));
  t.equal(steered?.id, 40);
  t.ok(steered!.logprob < greedy!.logprob);
  t.strictSame(steered?.top, greedy?.top);
});

t.test('a prompt reads as it was written: its log probabilities are those it got as an answer', async (t) => {
  for (const prefillChunk of [5, 128]) {
    const { engine } = start(t, { eosChance: 0, prefillChunk });
    const ids = [3, ...placeholders, ...words(13)];
    const images = [image(4)];
    const said = logprobsOf(await read(engine.submit(ask(ids, { images, output: { logprobs: 2 } }), never())));
    const whole = [...ids, ...said.map(({ id }) => id)];
    const output = { logprobs: 2, promptLogprobs: true };
    const answer = await read(engine.submit(ask(whole, { images, n: 3, output }), never()));
    const prompt = promptOf(answer);
    t.strictSame(
      prompt.map(({ id }) => id),
      whole,
    );
    t.match(prompt[0], { logprob: null, top: [], offset: 0 });
    t.strictSame(
      prompt.slice(ids.length).map(({ logprob, top }) => ({ logprob, top })),
      said.map(({ logprob, top }) => ({ logprob, top })),
    );
    t.equal(answer.events.filter(({ type }) => type === 'prompt').length, 1, 'told once, before any choice says something');
    const alone = await read(engine.submit(ask(whole, { images }), never()));
    t.strictSame(answer.texts, Array(3).fill(alone.texts[0]), 'and the answer goes on as without');
  }
});

t.test('neither the end token nor tokens beyond a stop string are part of the answer, unless asked for', async (t) => {
  const { engine } = start(t, { eosChance: 0 });
  const full = (await read(engine.submit(ask(words(5)), never()))).texts[0] ?? '';
  const stop = full.slice(8, 11);
  const end = full.indexOf(stop);
  const output = { logprobs: 0 };
  const cut = await read(engine.submit(ask(words(5), { stopping: stopping({ stop: [stop] }), output }), never()));
  t.equal(cut.texts[0], full.slice(0, end));
  t.equal(logprobsOf(cut).length, end);
  const kept = await read(engine.submit(ask(words(5), { stopping: stopping({ stop: [stop], includeStop: true }), output }), never()));
  t.equal(kept.texts[0], full.slice(0, end + 3));
  t.equal(logprobsOf(kept).length, end + 3);
  t.equal(kept.reasons[0], 'stop');

  const id = full.charCodeAt(6) - 48;
  const byId = await read(engine.submit(ask(words(5), { stopping: stopping({ stopTokenIds: [id], includeStop: true }), output }), never()));
  t.equal(byId.texts[0], full.slice(0, full.indexOf(full[6]!) + 1));
  t.equal(byId.reasons[0], 'stop');
});

t.test('a least number of tokens puts off every end but that of length', async (t) => {
  const { engine } = start(t, { eosChance: 64 });
  t.equal((await read(engine.submit(ask(words(5)), never()))).tokens, 1);
  const late = await read(engine.submit(ask(words(5), { stopping: stopping({ minTokens: 7 }) }), never()));
  t.equal(late.tokens, 8, 'seven tokens and then the end');
  t.equal(late.texts[0]?.length, 7);
  t.equal(late.reasons[0], 'stop');
  const text = late.texts[0] ?? '';
  const stop = [text.slice(2, 4), text.slice(6)];
  const searched = await read(engine.submit(ask(words(5), { stopping: stopping({ minTokens: 6, stop }) }), never()));
  t.equal(searched.texts[0], text.slice(0, text.indexOf(stop[1]!, 6)), 'a stop string counts from the token after them on');
});

t.test('ignoring the end token goes on to the length, or to a stop token of the caller', async (t) => {
  const { engine } = start(t, { eosChance: 64 });
  const endless = await read(engine.submit(ask(words(5), { stopping: stopping({ ignoreEos: true }), output: { logprobs: 0 } }), never()));
  t.equal(endless.tokens, 20);
  t.equal(endless.reasons[0], 'length');
  t.strictSame(
    logprobsOf(endless).map(({ id, bytes }) => [id, bytes]),
    Array(20).fill([EOS, null]),
    'tokens without text are told of as well',
  );
  const stopped = await read(engine.submit(ask(words(5), { stopping: stopping({ ignoreEos: true, stopTokenIds: [EOS] }) }), never()));
  t.equal(stopped.tokens, 1);
});

t.test('a bias on a token that the model does not have is refused', (t) => {
  const { engine } = start(t);
  const sampling = { temperature: 0, topP: 1, topK: 0, logitBias: new Map([[64, 1]]) };
  t.throws(() => engine.submit(ask(words(3), { sampling }), never()), { param: 'logit_bias', message: /64.* from 0 to 63/ });
  t.match(engine.stats(), { running: 0, waiting: 0 });
  t.end();
});
