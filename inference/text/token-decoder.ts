/** Turns token strings back into text, step for step as the decoders of `tokenizer.json` do in the Rust library. */
import { CheckpointError } from '../errors.ts';
import { isObject } from '../json-file.ts';

/** Maps the tokens of a sequence to pieces of text whose concatenation is the decoded text. */
export type DecodeStep = (tokens: readonly string[]) => string[];

type Config = Readonly<Record<string, unknown>>;

const text = (value: unknown, fallback: string) => (typeof value === 'string' ? value : fallback);
const count = (value: unknown) => (typeof value === 'number' ? value : 0);

/** GPT-2's table: each byte as a printable character. */
export const byteOfCharacter: ReadonlyMap<string, number> = (() => {
  const table = new Map<string, number>();
  let extra = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    table.set(String.fromCharCode(printable ? byte : extra++), byte);
  }
  return table;
})();

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

function byteLevel(tokens: readonly string[]): string[] {
  const bytes: number[] = [];
  for (const token of tokens) {
    const mapped = Array.from(token, (character) => byteOfCharacter.get(character));
    // An added token may hold characters outside the table; then it stands for itself.
    if (mapped.every((byte) => byte !== undefined)) for (const byte of mapped) bytes.push(byte);
    else bytes.push(...new TextEncoder().encode(token));
  }
  return [lossy.decode(Uint8Array.from(bytes))];
}

function byteFallback(tokens: readonly string[]): string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      out.push(strict.decode(Uint8Array.from(bytes)));
    } catch {
      // The Rust library writes one replacement character for every byte of a broken run.
      out.push('\ufffd'.repeat(bytes.length));
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = token.startsWith('<0x') ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1] : undefined;
    if (byte !== undefined) {
      bytes.push(Number.parseInt(byte, 16));
      continue;
    }
    flush();
    out.push(token);
  }
  flush();
  return out;
}

function strip(token: string, content: string, start: number, stop: number): string {
  let from = 0;
  while (from < start && token[from] === content) from++;
  let to = token.length;
  while (token.length - to < stop && to > from && token[to - 1] === content) to--;
  return token.slice(from, to);
}

function replace(config: Config): DecodeStep {
  const pattern = isObject(config['pattern']) ? config['pattern'] : {};
  const content = text(config['content'], '');
  const from = typeof pattern['String'] === 'string' ? pattern['String'] : new RegExp(text(pattern['Regex'], '(?!)'), 'gu');
  return (tokens) => tokens.map((token) => token.replaceAll(from, () => content));
}

function metaspace(config: Config): DecodeStep {
  const mark = text(config['replacement'], '▁');
  const prefixed = config['prepend_scheme'] !== 'never' && config['add_prefix_space'] !== false;
  return (tokens) =>
    tokens.map((token, i) => (i === 0 && prefixed && token.startsWith(mark) ? token.slice(mark.length) : token).replaceAll(mark, ' '));
}

const kinds: Readonly<Record<string, (config: Config) => DecodeStep>> = {
  ByteLevel: () => byteLevel,
  ByteFallback: () => byteFallback,
  Fuse: () => (tokens) => [tokens.join('')],
  Replace: replace,
  Metaspace: metaspace,
  Strip: (config) => (tokens) =>
    tokens.map((token) => strip(token, text(config['content'], ' '), count(config['start']), count(config['stop']))),
  Sequence: (config) => {
    const steps = (Array.isArray(config['decoders']) ? config['decoders'] : []).map(createDecoder);
    return (tokens) => steps.reduce<string[]>((current, step) => step(current), [...tokens]);
  },
};

/** @throws CheckpointError for a decoder that no decoder-only model of this family uses */
export function createDecoder(config: unknown): DecodeStep {
  if (config === null || config === undefined) return (tokens) => [tokens.join(' ')];
  const kind = isObject(config) ? kinds[text(config['type'], '')] : undefined;
  if (kind === undefined || !isObject(config)) {
    throw new CheckpointError(`tokenizer.json: decoder ${JSON.stringify(isObject(config) ? config['type'] : config)} is not supported`);
  }
  return kind(config);
}
