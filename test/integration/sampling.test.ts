/** What steers and describes sampling, by the official client on the real engine and the embedded model. */
import OpenAI from 'openai';
import t from 'tap';
import { startServer, type TestServer } from '../helper.ts';

let server: TestServer;
let client: OpenAI;

t.before(async () => {
  server = await startServer();
  client = new OpenAI({ baseURL: server.baseURL, apiKey: 'unused', maxRetries: 0 });
});
t.teardown(() => server?.close());

/** With additions of this server, which are not in the SDK's types. */
async function complete(body: object): Promise<OpenAI.Completion> {
  const request = { model: 'test-model', prompt: 'The circle is', temperature: 0, max_tokens: 12, ...body };
  return client.completions.create(request as OpenAI.CompletionCreateParamsNonStreaming);
}

async function chat(body: object): Promise<OpenAI.ChatCompletion> {
  const request = { model: 'test-model', temperature: 0, max_tokens: 24, messages: [{ role: 'user', content: 'Hello!' }], ...body };
  return client.chat.completions.create(request as OpenAI.ChatCompletionCreateParamsNonStreaming);
}

const bytesOf = (tokens: readonly OpenAI.ChatCompletionTokenLogprob[]) =>
  Buffer.from(tokens.flatMap(({ bytes }) => bytes ?? []))
    .toString()
    .trim();

t.test('chat: log probabilities, whole and streamed', async (t) => {
  const question = { logprobs: true, top_logprobs: 5 };
  const whole = (await chat(question)).choices[0]!;
  const tokens = whole.logprobs?.content ?? [];
  t.ok(tokens.length > 3);
  t.equal(bytesOf(tokens), whole.message.content);
  for (const { token, logprob, top_logprobs } of tokens) {
    t.equal(top_logprobs.length, 5);
    t.strictSame([top_logprobs[0]?.token, top_logprobs[0]?.logprob], [token, logprob], 'greedy takes the likeliest');
    const sum = top_logprobs.reduce((total, each) => total + Math.exp(each.logprob), 0);
    t.ok(sum > 0.2 && sum <= 1 + 1e-9);
  }
  const streamed: OpenAI.ChatCompletionTokenLogprob[] = [];
  const stream = client.chat.completions.stream({
    model: 'test-model',
    temperature: 0,
    max_tokens: 24,
    messages: [{ role: 'user', content: 'Hello!' }],
    ...question,
  });
  for await (const chunk of stream) streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
  t.strictSame(streamed, tokens);
  t.strictSame((await stream.finalChatCompletion()).choices[0]?.logprobs?.content, tokens, "the SDK's own accumulator takes them");
});

t.test('completions: a text that is echoed has the log probabilities with which it was written', async (t) => {
  // An answer of its training, since only such a text is surely cut into the tokens it was written with.
  const prompt = 'USER: Hello!\n\nASSISTANT:';
  const written = (await complete({ prompt, logprobs: 2 })).choices[0]!;
  t.equal(written.logprobs?.tokens?.length, 12);
  // As text the boundary between prompt and answer may be drawn elsewhere, so one token at a time is compared from behind.
  const echoed = (await complete({ prompt: `${prompt}${written.text}`, logprobs: 2, echo: true, max_tokens: 0 })).choices[0]!;
  t.equal(echoed.text, `${prompt}${written.text}`);
  const { tokens = [], token_logprobs = [], text_offset = [], top_logprobs = [] } = echoed.logprobs ?? {};
  t.equal(token_logprobs[0], null);
  t.strictSame([token_logprobs.length, text_offset.length, top_logprobs.length], Array(3).fill(tokens.length));
  t.strictSame(tokens.slice(-5), written.logprobs?.tokens?.slice(-5));
  for (let back = 1; back <= 5; back += 1) {
    const difference = Math.abs(token_logprobs.at(-back)! - written.logprobs!.token_logprobs!.at(-back)!);
    t.ok(difference < 0.02, `prefill and decoding round differently by ${difference}`);
  }
});

t.test('completions: a text goes on where the prompt ends, with the space between the two', async (t) => {
  const written = (await complete({ logprobs: 0, max_tokens: 2 })).choices[0]!;
  t.equal(written.text, ' circle.');
  t.equal((await complete({ stop: [' circle'] })).choices[0]?.text, '', 'which a stop string sees');
  const echoed = (await complete({ logprobs: 0, max_tokens: 2, echo: true })).choices[0]!;
  t.equal(echoed.text, 'The circle is circle.');
  const { tokens = [], text_offset = [] } = echoed.logprobs ?? {};
  t.strictSame(tokens.slice(2), [' circle', ' is', ' circle', '.']);
  t.strictSame(
    tokens.slice(2).map((token, i) => echoed.text.slice(text_offset[i + 2]).startsWith(token)),
    [true, true, true, true],
  );
});

t.test('logit_bias rules tokens in and out', async (t) => {
  const forced = (await complete({ logit_bias: { 300: 100 }, logprobs: 0, max_tokens: 5 })).choices[0]!;
  t.equal(new Set(forced.logprobs?.tokens).size, 1);
  t.equal(forced.logprobs?.tokens?.length, 5);
  const error = await complete({ logit_bias: { 99999999: 1 } }).catch((reason: unknown) => reason);
  t.ok(error instanceof OpenAI.BadRequestError);
  t.match(error, { param: 'logit_bias', message: /99999999/ });
});

t.test('penalties change what would be repeated', async (t) => {
  const body = { ignore_eos: true, max_tokens: 60, logprobs: 0 };
  const repeats = (choice: OpenAI.CompletionChoice | undefined) => 60 - new Set(choice?.logprobs?.tokens).size;
  const [plain, presence, frequency, repetition] = await Promise.all(
    [{}, { presence_penalty: 2 }, { frequency_penalty: 2 }, { repetition_penalty: 1.8 }].map((penalty) =>
      complete({ ...body, ...penalty }),
    ),
  );
  for (const penalised of [presence, frequency, repetition]) {
    t.comment(`${repeats(penalised?.choices[0])} of 60 tokens repeated, ${repeats(plain?.choices[0])} without a penalty`);
    t.not(penalised?.choices[0]?.text, plain?.choices[0]?.text);
  }
  // A penalty that counts each occurrence cannot leave a loop alone.
  t.ok(repeats(frequency?.choices[0]) < repeats(plain?.choices[0]));
});

t.test('what ends an answer', async (t) => {
  const plain = await chat({});
  const text = plain.choices[0]!.message.content!;
  t.equal(plain.choices[0]?.finish_reason, 'stop');
  const least = await chat({ min_tokens: 20 });
  t.ok(least.usage!.completion_tokens >= 20);
  const endless = await chat({ ignore_eos: true });
  t.match(endless.choices[0], { finish_reason: 'length' });
  t.equal(endless.usage?.completion_tokens, 24);
  const stop = text.slice(4, 7);
  t.equal((await chat({ stop })).choices[0]?.message.content, text.slice(0, text.indexOf(stop)));
  t.equal((await chat({ stop, include_stop_str_in_output: true })).choices[0]?.message.content, text.slice(0, text.indexOf(stop) + 3));
  const shown = await chat({ include_stop_str_in_output: true, skip_special_tokens: false });
  t.match(shown.choices[0]?.message.content, /^.+<\/s>$/s, 'with special tokens the end token can be seen');
});

t.test('best_of sends the likeliest of those that n alone would have sent', async (t) => {
  const body = { temperature: 1.5, seed: 5, ignore_eos: true, logprobs: 1 };
  const all = await complete({ ...body, n: 6 });
  const mean = ({ logprobs }: OpenAI.CompletionChoice) => logprobs!.token_logprobs!.reduce((sum, each) => sum + each, 0);
  const ranked = all.choices.toSorted((a, b) => mean(b) - mean(a));
  const best = await complete({ ...body, n: 2, best_of: 6 });
  t.strictSame(
    best.choices.map(({ text }) => text),
    ranked.slice(0, 2).map(({ text }) => text),
  );
  t.equal(best.usage?.completion_tokens, all.usage?.completion_tokens);
  t.strictSame(best.choices[0]?.logprobs, ranked[0]?.logprobs);
});

t.test('the same seed gives the same text with every parameter on, alone and in a crowd', async (t) => {
  const body = (seed: number) => ({
    seed,
    temperature: 1.1,
    top_p: 0.95,
    top_k: 200,
    min_p: 0.001,
    typical_p: 0.95,
    presence_penalty: 0.5,
    frequency_penalty: 0.5,
    repetition_penalty: 1.2,
    logit_bias: { 300: 2 },
    min_tokens: 10,
    max_tokens: 30,
    logprobs: seed % 3 === 0 ? 3 : undefined,
  });
  const alone: string[] = [];
  for (let seed = 0; seed < 7; seed += 1) alone.push((await complete(body(seed))).choices[0]!.text);
  t.ok(new Set(alone).size > 4);
  const together = await Promise.all(alone.map((_, seed) => complete(body(seed))));
  t.strictSame(
    together.map(({ choices }) => choices[0]?.text),
    alone,
  );
});
