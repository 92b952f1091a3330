/** Text to token ids and back, exactly as the checkpoint's `tokenizer.json` says in Python. */
import { join } from 'node:path';
import { Tokenizer as TokenizerParts } from '@huggingface/tokenizers';
import { CheckpointError } from '../errors.ts';
import { isObject, type JsonObject, readJsonObject } from '../json-file.ts';
import { type AddedToken, AddedTokenSplitter, namedSpecialTokens, readAddedTokens, tokenContent } from './added-tokens.ts';
import { BytePairEncoder } from './bpe.ts';
import { tokenBytes } from './token-bytes.ts';
import { createDecoder, type DecodeStep } from './token-decoder.ts';

interface EncodeOptions {
  /** Special tokens written in the text become control tokens; otherwise they are ordinary text. */
  readonly special: boolean;
  /** Let the tokeniser put its own tokens around the text (`<s>` in front, for Llama). Default false. */
  readonly addSpecial?: boolean;
  /** Applied to each stretch between added tokens once these have been found; see `guard.ts`. */
  readonly restore?: (stretch: string) => string;
}

export interface Tokenizer {
  /** One more than the largest token id. */
  readonly vocabSize: number;
  /** No token stands for more characters (UTF-16 code units) of a text; white space that a special token swallows aside. */
  readonly maxTokenLength: number;
  readonly bosToken: string | null;
  readonly bosTokenId: number | null;
  readonly eosToken: string | null;
  /** Tokens that end a generation: the tokeniser's and those of `generation_config.json`. */
  readonly eosTokenIds: readonly number[];
  /** The placeholder of an image, or null for a text model. */
  readonly imageToken: string | null;
  readonly imageTokenId: number | null;
  /** Tokens outside the model's own vocabulary, in order of their ids. */
  readonly addedTokens: readonly AddedToken[];
  /** Named special tokens (`bos_token`, `eos_token`, `unk_token`, `pad_token`) that the checkpoint has: variables of chat templates. */
  readonly specialTokens: Readonly<Record<string, string>>;
  encode(text: string, options: EncodeOptions): number[];
  /** Text of a sequence of tokens, special ones skipped unless asked for. Bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[], options?: { readonly skipSpecial?: boolean }): string;
  /** The token as the vocabulary writes it (`▁the`, `<0x0A>`), or undefined if no token has this id. */
  tokenOf(id: number): string | undefined;
  /** What the token adds to a text, or null for one that is no text: a special token, or an id without a token. */
  bytesOf(id: number): Uint8Array | null;
  idOf(token: string): number | undefined;
}

/** What is used of the library, whose own declarations do not resolve under `nodenext`. */
interface Parts {
  readonly normalizer: { normalize(text: string): string } | null;
  readonly pre_tokenizer: { pre_tokenize(text: string, options: { section_index: number }): string[] } | null;
}

const integers = (value: unknown): number[] => (Array.isArray(value) ? value : [value]).filter((x): x is number => Number.isSafeInteger(x));

/**
 * Reads the tokeniser of a checkpoint folder: `tokenizer.json`, and beside it `tokenizer_config.json`, `config.json` and
 * `generation_config.json` for what the special tokens mean.
 * @throws CheckpointError if there is no `tokenizer.json` or it is of an unknown kind
 */
export async function loadTokenizer(checkpointFolder: string): Promise<Tokenizer> {
  const path = join(checkpointFolder, 'tokenizer.json');
  const [tokenizer, config, model, generation] = await Promise.all(
    ['tokenizer.json', 'tokenizer_config.json', 'config.json', 'generation_config.json'].map((name) =>
      readJsonObject(checkpointFolder, name),
    ),
  );
  if (!tokenizer) throw new CheckpointError(`${path}: not found; convert the tokeniser with transformers' save_pretrained first`);
  try {
    return new CheckpointTokenizer(tokenizer, config ?? {}, model ?? {}, generation ?? {});
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`${path}: ${error instanceof Error ? error.message : 'is not a tokeniser'}`, { cause: error });
  }
}

class CheckpointTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly maxTokenLength: number;
  readonly bosToken: string | null;
  readonly bosTokenId: number | null;
  readonly eosToken: string | null;
  readonly eosTokenIds: readonly number[];
  readonly imageToken: string | null;
  readonly imageTokenId: number | null;
  readonly addedTokens: readonly AddedToken[];
  readonly specialTokens: Readonly<Record<string, string>>;
  readonly #parts: Parts;
  readonly #model: BytePairEncoder;
  readonly #addedIds: ReadonlyMap<string, number>;
  readonly #tokens: readonly (string | undefined)[];
  readonly #specialIds: ReadonlySet<number>;
  readonly #split: { readonly all: Splitters; readonly textOnly: Splitters };
  readonly #around: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly #decode: DecodeStep;
  /** Of single tokens, as they come: at most as many as the vocabulary has. */
  readonly #texts = new Map<string, string>();
  readonly #bytes: (token: string) => Uint8Array;

  constructor(tokenizer: JsonObject, config: JsonObject, model: JsonObject, generation: JsonObject) {
    this.#model = new BytePairEncoder(isObject(tokenizer['model']) ? tokenizer['model'] : {});
    const { vocabulary } = this.#model;
    // The library looks for added tokens with rules of its own (single words, first section), and its model is slow on
    // long texts; it is given neither, and serves as normaliser and pre-tokeniser.
    const parts: unknown = new TokenizerParts(
      {
        normalizer: tokenizer['normalizer'] ?? null,
        pre_tokenizer: splitMetaspace(tokenizer['pre_tokenizer'] ?? null),
        model: { type: 'BPE', vocab: {}, merges: [] },
        added_tokens: [],
        post_processor: null,
        decoder: null,
      },
      {},
    );
    this.#parts = parts as Parts;
    this.addedTokens = readAddedTokens(tokenizer, config, (token) => vocabulary.get(token)).sort((a, b) => a.id - b.id);
    const tokens: (string | undefined)[] = [];
    for (const [token, id] of vocabulary) tokens[id] = token;
    // A normalised added token is decoded as it stands in the normalised text (`▁solo`), as the Rust library does.
    for (const token of this.addedTokens) tokens[token.id] = token.normalized ? this.#normalise(token.content) : token.content;
    this.#tokens = tokens;
    this.#addedIds = new Map(this.addedTokens.map((token) => [token.content, token.id]));
    this.vocabSize = tokens.length;
    const longest = tokens.reduce((most, token) => Math.max(most, token?.length ?? 0), 1);
    // A Unicode normal form may make one character of three.
    this.maxTokenLength = onlyReplacesSpaces(tokenizer['normalizer']) ? longest : longest * 3;

    const text = isObject(model['text_config']) ? model['text_config'] : {};
    this.imageTokenId = integers(model['image_token_index'])[0] ?? integers(model['image_token_id'])[0] ?? null;
    const imageToken = this.addedTokens.find((token) => token.id === this.imageTokenId)?.content;
    this.imageToken = imageToken ?? (this.imageTokenId === null ? null : (tokens[this.imageTokenId] ?? null));
    this.specialTokens = Object.fromEntries(
      namedSpecialTokens.flatMap((name) => {
        const content = tokenContent(config[name]);
        return content === null ? [] : [[name, content]];
      }),
    );
    this.bosToken = tokenContent(config['bos_token']);
    this.bosTokenId = this.bosToken === null ? null : (this.idOf(this.bosToken) ?? null);
    this.eosToken = tokenContent(config['eos_token']);
    const eos =
      [generation['eos_token_id'], model['eos_token_id'] ?? text['eos_token_id']].map(integers).find((ids) => ids.length > 0) ?? [];
    const eosToken = this.eosToken === null ? undefined : this.idOf(this.eosToken);
    this.eosTokenIds = [...new Set(eosToken === undefined ? eos : [...eos, eosToken])];

    const special = this.addedTokens.filter((token) => token.special || token.id === this.imageTokenId);
    this.#specialIds = new Set(special.map((token) => token.id));
    this.#split = {
      all: this.#splitters(this.addedTokens),
      textOnly: this.#splitters(this.addedTokens.filter((token) => !this.#specialIds.has(token.id))),
    };
    this.#around = readPostProcessor(tokenizer['post_processor'], (token) => this.idOf(token));
    this.#decode = createDecoder(tokenizer['decoder']);
    this.#bytes = tokenBytes(tokenizer['decoder']);
  }

  encode(text: string, options: EncodeOptions): number[] {
    // A lone surrogate has no UTF-8 form.
    const source = text.replace(/\p{Surrogate}/gu, '\ufffd');
    const split = options.special ? this.#split.all : this.#split.textOnly;
    const ids: number[] = [];
    for (const raw of split.raw.split(source, true)) {
      if ('id' in raw) {
        ids.push(raw.id);
        continue;
      }
      for (const piece of split.normalised.split(this.#normalise(raw.text), raw.atStart)) {
        if ('id' in piece) ids.push(piece.id);
        else this.#encodeStretch(options.restore?.(piece.text) ?? piece.text, piece.atStart, ids);
      }
    }
    return options.addSpecial ? [...this.#around.before, ...ids, ...this.#around.after] : ids;
  }

  decode(ids: readonly number[], options: { readonly skipSpecial?: boolean } = {}): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.#tokens[id];
      if (token !== undefined && !((options.skipSpecial ?? true) && this.#specialIds.has(id))) tokens.push(token);
    }
    const [only] = tokens;
    return tokens.length === 1 && only !== undefined ? this.#alone(only) : this.#decode(tokens).join('');
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** Each token of an answer is once decoded alone, as what the next one follows. */
  #alone(token: string): string {
    const known = this.#texts.get(token);
    if (known !== undefined) return known;
    const text = this.#decode([token]).join('');
    this.#texts.set(token, text);
    return text;
  }

  bytesOf(id: number): Uint8Array | null {
    const token = this.#tokens[id];
    return token === undefined || this.#specialIds.has(id) ? null : this.#bytes(token);
  }

  idOf(token: string): number | undefined {
    return this.#addedIds.get(token) ?? this.#model.vocabulary.get(token);
  }

  #splitters(tokens: readonly AddedToken[]): Splitters {
    return {
      raw: new AddedTokenSplitter(tokens.filter((token) => !token.normalized)),
      normalised: new AddedTokenSplitter(
        tokens.filter((token) => token.normalized),
        (token) => this.#normalise(token.content),
      ),
    };
  }

  #normalise(text: string): string {
    return text === '' ? '' : (this.#parts.normalizer?.normalize(text) ?? text);
  }

  #encodeStretch(text: string, atStart: boolean, ids: number[]): void {
    if (text === '') return;
    const words = this.#parts.pre_tokenizer?.pre_tokenize(text, { section_index: atStart ? 0 : 1 }) ?? [text];
    for (const word of words) for (const id of this.#model.encode(word)) ids.push(id);
  }
}

interface Splitters {
  readonly raw: AddedTokenSplitter;
  readonly normalised: AddedTokenSplitter;
}

/** Llama's normaliser, or none: texts do not get shorter. */
function onlyReplacesSpaces(normalizer: unknown): boolean {
  if (!isObject(normalizer)) return true;
  const steps: unknown = normalizer['type'] === 'Sequence' ? normalizer['normalizers'] : [normalizer];
  return Array.isArray(steps) && steps.every((step) => isObject(step) && (step['type'] === 'Prepend' || step['content'] === '▁'));
}

/** The library's Metaspace neither splits (`split`, on unless said) nor knows `add_prefix_space`; both are spelt out for it. */
function splitMetaspace(config: unknown): unknown {
  if (!isObject(config)) return config;
  if (config['type'] === 'Sequence' && Array.isArray(config['pretokenizers'])) {
    return { ...config, pretokenizers: config['pretokenizers'].map(splitMetaspace) };
  }
  if (config['type'] !== 'Metaspace') return config;
  const mark = tokenContent(config['replacement']) ?? '▁';
  const scheme = config['add_prefix_space'] === false ? 'never' : (config['prepend_scheme'] ?? 'always');
  const metaspace = { type: 'Metaspace', replacement: mark, prepend_scheme: scheme };
  if (config['split'] === false) return metaspace;
  const pieces = { type: 'Split', pattern: { Regex: `${mark}[^${mark}]*|[^${mark}]+` }, behavior: 'Removed', invert: true };
  return { type: 'Sequence', pretokenizers: [metaspace, pieces] };
}

/**
 * Ids that the post-processor puts before and after a text. `add_bos_token` and `add_eos_token` of the configuration say
 * nothing when there is a `tokenizer.json`, as in transformers.
 */
function readPostProcessor(processor: unknown, idOf: (token: string) => number | undefined): { before: number[]; after: number[] } {
  if (!isObject(processor)) return { before: [], after: [] };
  const ids = (token: unknown) => integers(idOf(tokenContent(token) ?? ''));
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  switch (processor['type']) {
    case 'Sequence': {
      const inner = list(processor['processors']).map((p) => readPostProcessor(p, idOf));
      return { before: inner.reverse().flatMap((p) => p.before), after: inner.reverse().flatMap((p) => p.after) };
    }
    case 'TemplateProcessing': {
      const items = list(processor['single']).filter(isObject);
      const sequence = items.findIndex((item) => 'Sequence' in item);
      const special = (item: JsonObject) => (isObject(item['SpecialToken']) ? ids(item['SpecialToken']['id']) : []);
      return { before: items.slice(0, sequence).flatMap(special), after: items.slice(sequence + 1).flatMap(special) };
    }
    case 'RobertaProcessing':
    case 'BertProcessing':
      return { before: ids(list(processor['cls'])[0]), after: ids(list(processor['sep'])[0]) };
    default:
      return { before: [], after: [] };
  }
}
