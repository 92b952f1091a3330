/** A model whose mark of calls is a special token, which detokenisation leaves out otherwise: the embedded one, dressed as a Mistral. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import t from 'tap';
import { packageRoot } from '../../server/package-root.ts';
import { startServer } from '../helper.ts';

t.test('calls behind a special token are seen, and the token is not', async (t) => {
  const checkpoint = await mkdtemp(join(tmpdir(), 'special-marks-'));
  t.teardown(() => rm(checkpoint, { recursive: true }));
  await cp(join(packageRoot, 'inference/checkpoints/firellava-tiny'), checkpoint, { recursive: true, preserveTimestamps: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) {
    const text = await readFile(join(checkpoint, name), 'utf8');
    await writeFile(join(checkpoint, name), text.replaceAll('<pad>', '[TOOL_CALLS]'));
  }
  await cp(join(packageRoot, 'test/fixtures/text/templates/tools/mistral-nemo.jinja'), join(checkpoint, 'chat_template.jinja'));
  const server = await startServer({ checkpoint });
  t.teardown(() => server.close());
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: 'unused', maxRetries: 0 });

  const parameters = { type: 'object', properties: { n: { enum: [1, 2] } }, required: ['n'], additionalProperties: false };
  const body = {
    model: 'test-model',
    messages: [{ role: 'user', content: 'How many?' }],
    tools: [{ type: 'function', function: { name: 'count', parameters, strict: true } }],
    max_tokens: 60,
    seed: 1,
  } satisfies OpenAI.ChatCompletionCreateParamsNonStreaming;
  const forced = await client.chat.completions.create({ ...body, tool_choice: 'required', parallel_tool_calls: false, logprobs: true });
  const [choice] = forced.choices;
  t.match(choice, { finish_reason: 'tool_calls', message: { content: null } });
  const [call] = choice?.message.tool_calls ?? [];
  assert(call?.type === 'function');
  t.ok([1, 2].includes(JSON.parse(call.function.arguments).n), call.function.arguments);

  t.ok(
    choice?.logprobs?.content?.some(({ token }) => token === '[TOOL_CALLS]'),
    'among the tokens it is told of',
  );

  // The bias makes the model begin with the mark where it is free to.
  const tokens: { id: number; content: string }[] = JSON.parse(await readFile(join(checkpoint, 'tokenizer.json'), 'utf8')).added_tokens;
  const id = tokens.find(({ content }) => content === '[TOOL_CALLS]')?.id ?? -1;
  const free = await client.chat.completions.create({ ...body, logit_bias: { [id]: 100 }, max_tokens: 30 });
  t.match(free.choices[0]?.message.tool_calls?.[0], { function: { name: 'count' } }, 'a strict function is held to its schema');
  const again = await client.chat.completions.create({
    ...body,
    messages: [...body.messages, choice!.message, { role: 'tool', tool_call_id: call.id, content: '2' }],
    tool_choice: 'none',
    max_tokens: 5,
  });
  t.equal(again.choices[0]?.message.tool_calls, undefined, 'ids of any form are taken in the history');
});
