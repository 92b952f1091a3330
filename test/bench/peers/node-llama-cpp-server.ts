/** A process of its own: answers streamed chat completions through node-llama-cpp, one context with a sequence for each client. */
import { createServer, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

/** What is used of the library, which is not among the project's packages. */
type Token = number & { readonly __token: never };

interface Sequence {
  adaptStateToTokens(tokens: Token[]): Promise<void>;
  readonly nextTokenIndex: number;
  evaluate(tokens: Token[], options: { temperature: number; yieldEogToken: boolean }): AsyncGenerator<Token>;
}

interface Model {
  tokenize(text: string, specialTokens: boolean): Token[];
  detokenize(tokens: readonly Token[]): string;
  createContext(options: object): Promise<{ getSequence(): Sequence }>;
}

interface Library {
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<Model> }>;
}

interface ChatBody {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly max_tokens: number;
}

const [folder = '', modelPath = '', ...numbers] = process.argv.slice(2);
const [port = 0, threads = 1, slots = 1, contextSize = 512] = numbers.map(Number);

const entry = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp');
const { getLlama } = (await import(pathToFileURL(entry).href)) as Library;
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ sequences: slots, contextSize, threads: { ideal: threads, min: threads } });
const idle = Array.from({ length: slots }, () => context.getSequence());
const waiting: ((sequence: Sequence) => void)[] = [];

function taken(): Promise<Sequence> {
  const sequence = idle.pop();
  return sequence === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(sequence);
}

function givenBack(sequence: Sequence): void {
  const next = waiting.shift();
  if (next === undefined) idle.push(sequence);
  else next(sequence);
}

/** The template of SmolLM2. */
function promptOf({ messages }: ChatBody): string {
  const system = 'You are a helpful AI assistant named SmolLM, trained by Hugging Face';
  const all = messages[0]?.role === 'system' ? messages : [{ role: 'system', content: system }, ...messages];
  return `${all.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('')}<|im_start|>assistant\n`;
}

async function answer(body: ChatBody, response: ServerResponse): Promise<void> {
  const send = (chunk: unknown) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  const prompt = model.tokenize(promptOf(body), true);
  const sequence = await taken();
  try {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    await sequence.adaptStateToTokens(prompt.slice(0, -1));
    let tokens = 0;
    for await (const token of sequence.evaluate(prompt.slice(sequence.nextTokenIndex), { temperature: 0, yieldEogToken: true })) {
      send({ choices: [{ delta: { content: model.detokenize([token]) } }] });
      if (++tokens === body.max_tokens) break;
    }
    send({ choices: [], usage: { prompt_tokens: prompt.length, completion_tokens: tokens } });
    response.end('data: [DONE]\n\n');
  } finally {
    givenBack(sequence);
  }
}

const server = createServer((request, response) => {
  if (request.method !== 'POST') return void response.end();
  json(request)
    .then((body) => answer(body as ChatBody, response))
    .catch((error: Error) => response.end(`data: ${JSON.stringify({ error: { message: error.message } })}\n\n`));
});
server.listen(port, '127.0.0.1');
process.once('SIGTERM', () => process.exit());
