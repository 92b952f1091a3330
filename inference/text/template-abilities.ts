/** What a chat template can show, found out by showing it something. */
import { TimeLimitExceeded } from './time-limit.ts';

/** Renders messages, with functions if there are any, as the template is given them. @throws if the template refuses */
export type Render = (messages: readonly unknown[], functions?: readonly unknown[]) => string;

/** How calls and their results have to be given to a template. */
interface CallForm {
  /** Arguments as an object rather than as JSON text. */
  readonly objects: boolean;
  /** Ids of nine letters and digits. */
  readonly shortIds: boolean;
  /** The content of results as a list of parts rather than as one text. */
  readonly parts: boolean;
  /** Several calls in one turn. */
  readonly several: boolean;
}

export interface TemplateAbilities {
  readonly systemRole: boolean;
  /** Whether it shows functions to the model. */
  readonly functions: boolean;
  /** Null if it does not show calls, or not their results. */
  readonly calls: CallForm | null;
}

const probe = 'QPZMXW';

/**
 * @param contentFormat of the template's messages
 * @throws TimeLimitExceeded
 */
export function findAbilities(render: Render, contentFormat: 'parts' | 'string'): TemplateAbilities {
  const content = (text: string, format = contentFormat) => (format === 'parts' ? [{ type: 'text', text }] : text);
  const question = { role: 'user', content: content('x') };
  const shows = (seen: readonly RegExp[], messages: readonly unknown[], functions?: readonly unknown[]) => {
    try {
      const text = render(messages, functions);
      return seen.every((each) => each.test(text));
    } catch (error) {
      if (error instanceof TimeLimitExceeded) throw error;
      return false;
    }
  };
  const schema = { type: 'object', properties: { a: { type: 'string', description: 'd' } }, required: ['a'] };
  const functions = [{ type: 'function', function: { name: `${probe}_f`, description: 'd', parameters: schema } }];
  const turn = (count: number, { objects, shortIds, parts }: Omit<CallForm, 'several'>) => {
    const each = Array.from({ length: count }, (_, index) => index + 1);
    const id = (n: number) => (shortIds ? `00000000${n}` : `call_00000000000000${n}`);
    const args = (n: number) => (objects ? { [`${probe}_a${n}`]: 'v' } : `{"${probe}_a${n}": "v"}`);
    const calls = each.map((n) => ({ id: id(n), type: 'function', function: { name: `${probe}_n${n}`, arguments: args(n) } }));
    const results = each.map((n) => ({
      role: 'tool',
      tool_call_id: id(n),
      name: `${probe}_n${n}`,
      content: content(`${probe}_r${n}`, parts ? 'parts' : 'string'),
    }));
    const seen = each.flatMap((n) => [`${probe}_n${n}`, `"${probe}_a${n}"\\s*:\\s*"v"`, `${probe}_r${n}`]).map((text) => new RegExp(text));
    const answer = contentFormat === 'parts' ? [] : '';
    return { seen, messages: [question, { role: 'assistant', content: answer, tool_calls: calls }, ...results] };
  };
  const works = (count: number, form: Omit<CallForm, 'several'>) => {
    const { seen, messages } = turn(count, form);
    return shows(seen, messages, functions);
  };
  const both = [true, false];
  const forms = both.flatMap((objects) =>
    both.flatMap((longIds) => (contentFormat === 'parts' ? both : [false]).map((parts) => ({ objects, shortIds: !longIds, parts }))),
  );
  const form = forms.find((each) => works(1, each));
  return {
    systemRole: shows([new RegExp(probe)], [{ role: 'system', content: content(probe) }, question]),
    functions: shows([new RegExp(`${probe}_f`)], [question], functions),
    calls: form === undefined ? null : { ...form, several: works(2, form) },
  };
}
