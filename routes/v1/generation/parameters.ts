/** What to do with parameters that the schemas do not carry out: refuse by name, or ignore and say so. */
import { InvalidValue, UnsupportedParameter } from '../../../plugins/errors/api-error.ts';

type Json = Readonly<Record<string, unknown>>;

interface Rule {
  /** Values that ask for what happens anyway. */
  readonly harmless: (value: unknown) => boolean;
  /** Tells the caller what would be accepted. */
  readonly accepted: string;
}

const leaveOut = 'Leave it out.';

function only(...values: readonly unknown[]): Rule {
  return {
    harmless: (value) => values.includes(value),
    accepted: `Leave it out, or send ${values.map((value) => JSON.stringify(value)).join(' or ')}.`,
  };
}
const never: Rule = { harmless: () => false, accepted: leaveOut };
const anything: Rule = { harmless: () => true, accepted: '' };
const empty: Rule = {
  harmless: (value) => typeof value === 'object' && value !== null && Object.keys(value).length === 0,
  accepted: leaveOut,
};
/** vLLM's former names. */
const renamed = (member: string): Rule => ({ harmless: () => false, accepted: `Send 'structured_outputs': {'${member}': …}.` });

const shared: Readonly<Record<string, Rule>> = {
  store: only(false),
  length_penalty: only(1),
  spaces_between_special_tokens: anything,
  guided_json: renamed('json'),
  guided_regex: renamed('regex'),
  guided_choice: renamed('choice'),
  guided_grammar: renamed('grammar'),
  truncate_prompt_tokens: never,
  use_beam_search: only(false),
  image_policy: only('all'),
  prompt_logprobs: never,
};

/** Chat parameters of OpenAI and vLLM beyond the schema. */
export const chatRules: Readonly<Record<string, Rule>> = {
  ...shared,
  echo: only(false),
  best_of: only(1),
  functions: { ...empty, accepted: "Send 'tools' instead." },
  function_call: { ...only('none', 'auto'), accepted: "Send 'tool_choice' instead." },
  chat_template: never,
  chat_template_kwargs: empty,
  continue_final_message: only(false),
  add_special_tokens: only(false),
  documents: empty,
  modalities: { harmless: (value) => Array.isArray(value) && value.every((item) => item === 'text'), accepted: 'Only ["text"] is.' },
  audio: never,
  prediction: never,
  reasoning_effort: only('none'),
  verbosity: only('medium'),
  web_search_options: never,
  prompt_cache_key: anything,
  prompt_cache_retention: anything,
  safety_identifier: anything,
};

/** Completion parameters of OpenAI and vLLM beyond the schema. */
export const completionRules: Readonly<Record<string, Rule>> = {
  ...shared,
  suffix: only(''),
  add_special_tokens: only(true),
};

/**
 * Checks what the schema let through.
 * @param known names that the schema carries out
 * @returns names of unknown parameters, which are ignored
 * @throws UnsupportedParameter for a known parameter with a value that would change the answer
 */
export function checkParameters(body: Json, known: Readonly<Record<string, unknown>>, rules: Readonly<Record<string, Rule>>): string[] {
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (Object.hasOwn(known, name)) continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) ignored.push(name);
    else if (!rule.harmless(value)) throw new UnsupportedParameter(name, rule.accepted);
  }
  if (body['stream_options'] !== undefined && body['stream'] !== true) {
    throw new InvalidValue("The 'stream_options' parameter is only allowed when 'stream' is true.", 'stream_options');
  }
  return ignored;
}

/** Header that names the ignored parameters, at most twenty; what has no place in a header is shown as `?`. */
export function ignoredHeader(ignored: readonly string[]): Record<string, string> {
  if (ignored.length === 0) return {};
  return {
    'x-ignored-parameters': ignored
      .slice(0, 20)
      .map((name) => name.slice(0, 64).replaceAll(/[^\w.-]/g, '?'))
      .join(', '),
  };
}
