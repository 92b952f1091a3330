/** The requests of the soak: every kind the engine serves, each with one right answer (greedy, or seeded), whatever else runs. */
import { questions } from '../eval/questions.ts';
import { dataUri } from '../eval/raster.ts';
import { SeededRandom } from '../tools/random.ts';

export interface Request {
  readonly kind: string;
  readonly path: '/v1/chat/completions' | '/v1/completions';
  readonly body: Readonly<Record<string, unknown>>;
}

const schema = {
  type: 'object',
  properties: {
    shape: { enum: ['circle', 'square', 'star'] },
    count: { type: 'integer', minimum: 0, maximum: 9 },
    red: { type: 'boolean' },
  },
  required: ['shape', 'count', 'red'],
  additionalProperties: false,
};
const note = {
  type: 'function',
  function: { name: 'note', parameters: { type: 'object', properties: { text: { type: 'string', maxLength: 12 } }, required: ['text'] } },
};
const greedy = { temperature: 0, max_tokens: 40 };

/** `rounds` requests of each kind; the same seed gives the same ones. */
export async function requests(seed: number, rounds: number): Promise<Request[]> {
  const random = new SeededRandom(seed);
  const pictures = random.shuffle(questions(seed, rounds)).slice(0, rounds * 6);
  const asked = await Promise.all(pictures.map(async (q) => ({ text: q.text, image: dataUri(await q.picture()) })));
  const picked = () => random.pick(asked);
  return Array.from({ length: rounds }, () => kinds(picked, random)).flat();
}

function kinds(picked: () => { text: string; image: string }, random: SeededRandom): Request[] {
  const withPicture = () => {
    const { text, image } = picked();
    return {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: image } },
        { type: 'text', text },
      ],
    };
  };
  const said = (content: string) => ({ role: 'user', content });
  const chat = (kind: string, body: Record<string, unknown>): Request => ({
    kind,
    path: '/v1/chat/completions',
    body: { ...greedy, stream: random.chance(0.5), ...body },
  });
  const sampled = { temperature: 0.9, top_p: 0.95, seed: random.whole(0, 99_999) };
  const long = `Number ${random.whole(0, 9999)}. ${'Tell me about the shapes and the letters. '.repeat(random.whole(5, 25))}`;
  return [
    chat('picture', { messages: [withPicture()] }),
    chat('picture, several turns', {
      messages: [withPicture(), { role: 'assistant', content: 'I see a drawing.' }, said('How many shapes are there?')],
    }),
    chat('two pictures', { messages: [withPicture(), { role: 'assistant', content: 'Yes.' }, withPicture()] }),
    chat('text', { messages: [said(`Hello, number ${random.whole(0, 9999)}! Who are you?`)] }),
    chat('long prompt', { messages: [said(long)] }),
    chat('n = 3, sampled', { ...sampled, n: 3, messages: [withPicture()] }),
    chat('penalties and log probabilities', {
      ...sampled,
      presence_penalty: 0.6,
      frequency_penalty: 0.4,
      repetition_penalty: 1.1,
      logprobs: true,
      top_logprobs: 3,
      messages: [said('Who are you?')],
    }),
    chat('JSON schema', {
      max_tokens: 80,
      messages: [withPicture()],
      response_format: { type: 'json_schema', json_schema: { name: 'seen', strict: true, schema } },
    }),
    chat('choice', { messages: [withPicture()], structured_outputs: { choice: ['one', 'two', 'three', 'four', 'five', 'six'] } }),
    chat('regex', { messages: [said('A date?')], structured_outputs: { regex: '[0-9]{4}-[01][0-9]-[0-3][0-9]' } }),
    chat('tool', { max_tokens: 60, messages: [withPicture()], tools: [note], tool_choice: 'required' }),
    chat('stop string', { messages: [withPicture()], stop: [' the', 'a '] }),
    {
      kind: 'completion',
      path: '/v1/completions',
      body: {
        ...greedy,
        stream: random.chance(0.5),
        prompt: `A circle is ${random.whole(0, 9999)}`,
        ignore_eos: true,
        max_tokens: random.whole(4, 90),
      },
    },
    { kind: 'completion, best of 3', path: '/v1/completions', body: { ...sampled, prompt: 'The shape', best_of: 3, n: 2, max_tokens: 12 } },
    {
      kind: 'completion, echo',
      path: '/v1/completions',
      body: { ...greedy, prompt: 'It is a red square.', echo: true, logprobs: 1, max_tokens: 6 },
    },
  ];
}
