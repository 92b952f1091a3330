/** How families of models write calls of functions, as a table; which of them a checkpoint belongs to. */

export interface ToolCallFormat {
  readonly family: 'hermes' | 'mistral' | 'llama3' | 'json';
  /** Stands before each call, or before all of them; null for a family that writes them bare. */
  readonly open: string | null;
  /** Stands behind each call. */
  readonly close: string | null;
  /** Whether an answer may begin with a call that has no mark. */
  readonly bare: boolean;
  /** What the model is held to where it must call: the member with the arguments, and what stands around and between the calls. */
  readonly written: {
    readonly argumentsName: 'arguments' | 'parameters';
    /** Before the first call, behind `open` if that marks all calls at once. */
    readonly first: string;
    readonly between: string;
    readonly last: string;
  };
  /** Tells from the source of a chat template that its models write calls so. */
  readonly isOf: (template: string) => boolean;
}

/**
 * What a family is called is what vLLM calls its parser. Hermes 2 and 3, Qwen 2.5 and 3 and many others write
 * `<tool_call>{"name": …, "arguments": {…}}</tool_call>` for each call; Mistral's models up to 2411 `[TOOL_CALLS]` and one list of
 * all calls; Llama 3.1 to 3.3 a bare `{"name": …, "parameters": {…}}`, or the same behind `<|python_tag|>`.
 */
const formats: readonly ToolCallFormat[] = [
  {
    family: 'hermes',
    open: '<tool_call>',
    close: '</tool_call>',
    bare: false,
    written: {
      argumentsName: 'arguments',
      first: '<tool_call>\n',
      between: '\n</tool_call>\n<tool_call>\n',
      last: '\n</tool_call>',
    },
    // The other two write something else than JSON between the same marks: Qwen 3 Coder and GLM.
    isOf: (template) => template.includes('<tool_call>') && !template.includes('<function=') && !template.includes('<arg_key>'),
  },
  {
    family: 'mistral',
    open: '[TOOL_CALLS]',
    close: null,
    bare: false,
    written: { argumentsName: 'arguments', first: '[TOOL_CALLS][', between: ', ', last: ']' },
    // With `[ARGS]` later models name the function outside of the JSON.
    isOf: (template) => template.includes('[TOOL_CALLS]') && !template.includes('[ARGS]'),
  },
  {
    family: 'llama3',
    open: '<|python_tag|>',
    close: null,
    bare: true,
    written: { argumentsName: 'parameters', first: '', between: '; ', last: '' },
    isOf: (template) => template.includes('<|python_tag|>') || (template.includes('ipython') && template.includes('"parameters"')),
  },
];

/** For templates that show no functions, whose models are told this form in words; and for forms that no row of the table knows. */
export const plainFormat: ToolCallFormat = {
  family: 'json',
  open: null,
  close: null,
  bare: true,
  written: { argumentsName: 'arguments', first: '', between: '\n', last: '' },
  isOf: () => true,
};

export function formatOf(template: string): ToolCallFormat {
  return formats.find(({ isOf }) => isOf(template)) ?? plainFormat;
}
