/** Asks an OpenAI-compatible server one question about one picture. */

interface Completion {
  readonly choices?: readonly { readonly message?: { readonly content?: string } }[];
  readonly data?: readonly { readonly id: string }[];
  readonly error?: { readonly message?: string };
}

/** The first model the server lists. */
export async function firstModel(url: string): Promise<string> {
  const body = await json(await fetch(`${url}/v1/models`));
  const id = body.data?.[0]?.id;
  if (id === undefined) throw new Error(`${url}/v1/models lists no model.`);
  return id;
}

/** The greedy answer. */
export async function answer(url: string, model: string, question: string, image: string): Promise<string> {
  const content = [
    { type: 'image_url', image_url: { url: image } },
    { type: 'text', text: question },
  ];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }], temperature: 0, max_tokens: 80 }),
  });
  const text = (await json(response)).choices?.[0]?.message?.content;
  if (text === undefined) throw new Error('The completion has no message.');
  return text.trim();
}

async function json(response: Response): Promise<Completion> {
  const body = (await response.json()) as Completion;
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${body.error?.message ?? 'no message'}`);
  return body;
}
