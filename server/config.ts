/** Reads the settings: from flags, then environment variables, then the configuration file. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Setting, type Settings, settings } from './settings.ts';

/** A wrong configuration: one line that says where, what was expected and what was found. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Where the text of a setting came from, and the text. */
interface Found {
  readonly text: string;
  readonly origin: string;
}

const table: readonly Setting<unknown>[] = Object.values(settings);
/** Names the configuration file; no setting of the server itself. */
const fileVariable = 'CONFIG_FILE';

function flagOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/**
 * @param argv arguments after the script's name
 * @param env for tests; nothing else of the project reads the environment
 * @returns the settings, or the text to print if help was asked for
 * @throws ConfigError for unknown names and wrong values
 */
export function loadConfig(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Settings | { readonly help: string } {
  const flags = readFlags(argv);
  if (flags['help'] === true) return { help: helpText() };
  const file = readFile(textOf(flags, 'config-file') ?? nonEmpty(env[fileVariable]));
  const find = (name: string, fallback: string): Found => {
    const flag = textOf(flags, flagOf(name));
    if (flag !== undefined) return { text: flag, origin: `the flag --${flagOf(name)}` };
    const variable = nonEmpty(env[name]);
    if (variable !== undefined) return { text: variable, origin: 'the environment' };
    const entry = file?.entries.get(name);
    if (entry !== undefined && file !== undefined) return { text: entry, origin: file.path };
    return { text: fallback, origin: 'the default' };
  };
  const values = Object.entries(settings).map(([key, setting]: [string, Setting<unknown>]) => [key, settingValue(setting, find)]);
  return Object.fromEntries(values) as Settings;
}

function settingValue(
  { name, expected, parse, default: fallback }: Setting<unknown>,
  find: (name: string, fallback: string) => Found,
): unknown {
  const { text, origin } = find(name, fallback);
  const parsed = parse(text);
  if (parsed === undefined) throw new ConfigError(`${name} must be ${expected}, but ${origin} says ${JSON.stringify(text)}.`);
  return parsed.value;
}

type Flags = Readonly<Record<string, string | boolean | undefined>>;

function readFlags(argv: readonly string[]): Flags {
  const options = Object.fromEntries(
    [...table.map(({ name }) => flagOf(name)), 'config-file'].map((flag) => [flag, { type: 'string' as const }]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options: { ...options, help: { type: 'boolean', short: 'h' } }, strict: true });
    return values as Flags;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('. ', 1)[0] ?? '') : String(error);
    throw new ConfigError(`${reason.replace(/\.$/, '')}; --help lists all flags.`);
  }
}

function textOf(flags: Flags, flag: string): string | undefined {
  const value = flags[flag];
  return typeof value === 'string' ? value : undefined;
}

/** An empty variable counts as unset, as `docker run -e NAME=` leaves it. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** A JSON object with the names of the environment variables as keys. */
function readFile(path: string | undefined): { readonly path: string; readonly entries: ReadonlyMap<string, string> } | undefined {
  if (path === undefined) return undefined;
  const content = parsedFile(path);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new ConfigError(`${path} must hold a JSON object.`);
  const names = new Set(table.map(({ name }) => name));
  const entries = Object.entries(content).map(([name, value]): [string, string] => {
    if (!names.has(name)) throw new ConfigError(`${path} has the unknown setting ${JSON.stringify(name)}; --help lists all.`);
    return [name, Array.isArray(value) ? value.join(',') : String(value)];
  });
  return { path, entries: new Map(entries) };
}

function parsedFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`The configuration file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function helpText(): string {
  const rows = table.map(({ name, help, expected, default: fallback }) =>
    [`  --${flagOf(name)}, ${name}`, `      ${help}`, `      ${expected}; default ${fallback === '' ? 'none' : fallback}`].join('\n'),
  );
  return [
    'An OpenAI-compatible server for LLaVA vision-language models.',
    '',
    'Each setting is a flag, an environment variable, or a key of the JSON file named by',
    `--config-file or ${fileVariable}; the first of them that is there counts.`,
    '',
    ...rows,
    '',
  ].join('\n');
}
