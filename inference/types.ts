/** The public vocabulary of `inference/`: what a caller hands in, and what comes back. Knows nothing of HTTP or OpenAI. */

/** A decoded picture: 8-bit sRGB, rows top to bottom, `[height, width, 3]` interleaved. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** Content hash (hex) of what the model will see; equal hashes share one run of the vision encoder. */
  readonly hash: string;
  /** Name under which later requests of the same salt may ask for it again, see {@link NamedImage}. */
  readonly uuid?: string;
}

/** The picture that came last under this name; only its encoding has been kept. */
export interface NamedImage {
  readonly uuid: string;
  readonly data?: never;
}

export type ImageInput = RgbImage | NamedImage;

export type ContentPart = { readonly type: 'text'; readonly text: string } | { readonly type: 'image'; readonly image: ImageInput };

/** A call of a function that the model made in an earlier turn. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** As the model wrote them: an object in JSON, if all went well. */
  readonly arguments: string;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: readonly ContentPart[];
  readonly name?: string;
  /** Of an assistant turn. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's message: the call that it answers. */
  readonly toolCallId?: string;
}

export interface ToolFunction {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of the arguments, which are an object; absent for a function without arguments. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Once the model begins to call the function, the arguments are held to the schema even if it was free not to call. Default false. */
  readonly strict?: boolean;
}

/** Functions that the model may call, and how free it is in that. */
export interface ToolUse {
  readonly functions: readonly ToolFunction[];
  /** Whether it may call or must; where it must, the calls are held to the schemas. */
  readonly choice: 'auto' | 'required';
  /** Names of those that may be called, though all are shown; absent for all. */
  readonly only?: readonly string[];
  /** Whether an answer may have several calls. */
  readonly parallel: boolean;
}

/** What the model is asked to continue. */
export type Prompt =
  | {
      readonly kind: 'chat';
      readonly messages: readonly ChatMessage[];
      readonly addGenerationPrompt: boolean;
      /** Absent for an answer that is text, whatever it looks like. */
      readonly tools?: ToolUse;
    }
  /** Raw text: special tokens written in it are control tokens; `<image>` stands for the next of `images`. */
  | { readonly kind: 'text'; readonly text: string; readonly images: readonly RgbImage[] }
  /** Token ids; each image placeholder id stands for the next of `images`. */
  | { readonly kind: 'tokens'; readonly ids: readonly number[]; readonly images: readonly RgbImage[] };

export interface SamplingParams {
  /** 0 is greedy. */
  readonly temperature: number;
  /** Nucleus: the smallest set of tokens whose probability reaches this; 1 keeps all. */
  readonly topP: number;
  /** Keep the k likeliest tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep tokens with at least this share of the likeliest token's probability; absent or 0 keeps all. */
  readonly minP?: number;
  /** Locally typical sampling: the tokens of most nearly average information whose probability reaches this; absent or 1 keeps all. */
  readonly typicalP?: number;
  /** Taken from the logits of tokens that the answer has already; default 0. */
  readonly presencePenalty?: number;
  /** As often as the answer has the token already; default 0. */
  readonly frequencyPenalty?: number;
  /** Divides the logits, or multiplies the negative ones, of tokens that prompt or answer have already; default 1. */
  readonly repetitionPenalty?: number;
  /** Added to the logits of these token ids. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** Seed of the sequence's own random stream; absent draws one at random. Choice `i` of a request uses stream `i`. */
  readonly seed?: number;
}

export interface StoppingParams {
  /** Most new tokens; absent means up to the end of the context. */
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  readonly stopTokenIds: readonly number[];
  /** Tokens before which nothing but the length may end the answer: no end token is chosen, no stop string looked for. Default 0. */
  readonly minTokens?: number;
  /** The model's own end tokens do not end the answer. Default false. */
  readonly ignoreEos?: boolean;
  /** The stop string, or the text of the end token, is part of the answer. Default false. */
  readonly includeStop?: boolean;
}

/** What the answer tells of its tokens. */
export interface OutputParams {
  /** Special tokens have no text. Default true. */
  readonly skipSpecialTokens?: boolean;
  /** Tell each token's log probability, and so many of the likeliest tokens in its place. Absent tells nothing. */
  readonly logprobs?: number;
  /** Tell the same of the prompt's tokens; needs `logprobs`. Default false. */
  readonly promptLogprobs?: boolean;
  /** The text goes on where the prompt's ends, so that a space between the two is part of it. Default false: it begins a new one. */
  readonly continuesPrompt?: boolean;
}

export interface TokenLogprob {
  readonly id: number;
  /** As the vocabulary writes it: `▁the`, `<0x0A>`, `</s>`. */
  readonly name: string;
  /** What the token adds to a text; null for a special token. */
  readonly bytes: Uint8Array | null;
  /** Natural logarithm of the probability by the model alone: before penalties, bias, temperature and cuts. */
  readonly logprob: number;
}

export interface TokenLogprobs extends TokenLogprob {
  /** The likeliest tokens in its place, the best first. */
  readonly top: readonly TokenLogprob[];
  /** Characters (Unicode code points) of the choice's text before it. */
  readonly offset: number;
}

/** What the whole answer must be. */
export type GrammarSpec =
  | { readonly kind: 'json_schema'; readonly schema: unknown }
  /** Matches the whole answer, in the syntax of Rust's `regex`. */
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** Context-free, in llguidance's dialect of Lark. */
  | { readonly kind: 'lark'; readonly text: string };

export interface GenerationRequest {
  /** Name the caller used; must be one that `Backend.models()` lists (or an alias of it). */
  readonly model: string;
  readonly prompt: Prompt;
  /** Number of choices, each its own sequence over one shared prompt. */
  readonly n: number;
  readonly sampling: SamplingParams;
  readonly stopping: StoppingParams;
  readonly output?: OutputParams;
  /**
   * Absent leaves the model free. `param` is the field of the caller that asked for it, for errors. Where the model may call
   * functions, an answer without a call is held to it, and it must be a JSON schema.
   */
  readonly grammar?: { readonly spec: GrammarSpec; readonly param: string };
  /** Requests of different salts share nothing that is kept of prompts and images. */
  readonly cacheSalt?: string;
  /** The lower, the sooner; default 0. */
  readonly priority?: number;
  /** Correlates log lines; not interpreted. */
  readonly requestId: string;
}

export type FinishReason = 'stop' | 'length';

export interface Usage {
  /** Image tokens included. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly imageTokens: number;
  /** Prompt tokens that no choice had to compute. */
  readonly cachedTokens: number;
}

export interface Timings {
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

/** As `TokenLogprobs`, of a token of the prompt; the first one has no probability, as nothing is before it. */
export type PromptTokenLogprobs = Omit<TokenLogprobs, 'logprob'> & { readonly logprob: number | null };

/**
 * The life of one request: one `start`, one `prompt` if its log probabilities were asked for, then for each choice any
 * number of `text` and of calls, and one `finish`, interleaved between choices; last one `done`. A refusal is thrown before `start`, so a
 * caller may send its head on `start`.
 */
export type GenerationEvent =
  | { readonly type: 'start'; readonly promptTokens: number; readonly imageTokens: number; readonly promptText: string }
  | { readonly type: 'prompt'; readonly logprobs: readonly PromptTokenLogprobs[] }
  /** Never ends inside a character, never shows a part of a stop string. `tokenIds` are those that became final with it. */
  | {
      readonly type: 'text';
      readonly choice: number;
      readonly text: string;
      readonly tokenIds: readonly number[];
      /** One for each of `tokenIds`, if they were asked for. */
      readonly logprobs?: readonly TokenLogprobs[];
    }
  /** A call of a function begins, the `index`th of the choice; its arguments follow. Its tokens are told of by `text`, which may be ''. */
  | { readonly type: 'call'; readonly choice: number; readonly index: number; readonly name: string }
  /** More of the arguments of a call; all of them together are its JSON text. */
  | { readonly type: 'arguments'; readonly choice: number; readonly index: number; readonly text: string }
  | {
      readonly type: 'finish';
      readonly choice: number;
      readonly reason: FinishReason;
      readonly completionTokens: number;
      /** Present if the text ended before the last call had all of its arguments. */
      readonly brokenOff?: true;
      /** Sum over the tokens, the ending one included, if log probabilities were asked for. */
      readonly logprob?: number;
    }
  | { readonly type: 'done'; readonly usage: Usage; readonly timings: Timings };

export interface ModelInfo {
  /** Primary name first, then aliases. */
  readonly names: readonly string[];
  /** Unix seconds. */
  readonly created: number;
  /** Absent until it is known: while the model loads, unless it is set. */
  readonly maxModelLen?: number;
  /** SPDX-like id from the model card, or `unknown`. */
  readonly license: string;
  /** Absent until the model is loaded. */
  readonly modalities?: readonly ('text' | 'image')[];
  /** Names build and checkpoint; equal fingerprints give equal answers for equal seeds. */
  readonly fingerprint: string;
}

export type BackendState =
  | { readonly phase: 'loading'; readonly step: string }
  | { readonly phase: 'ready' }
  | { readonly phase: 'failed'; readonly error: Error }
  | { readonly phase: 'closed' };

export interface BackendStats {
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
  readonly freeSlots: number;
  /** Slots that were taken from a sequence for one of better priority. */
  readonly preemptions: number;
  /** Totals since the start; prompt tokens are those computed. */
  readonly promptTokens: number;
  /** Prompt tokens taken from the cache instead. */
  readonly cachedTokens: number;
  /** Tokens copied within the cache, to be used elsewhere or kept. */
  readonly copiedTokens: number;
  readonly completionTokens: number;
  /** Guessed tokens that were computed beside the next one, and those of them that were right. */
  readonly draftTokens: number;
  readonly acceptedTokens: number;
  readonly decodeSteps: number;
  readonly prefillChunks: number;
  readonly imagesEncoded: number;
  readonly imageCacheHits: number;
  /** Milliseconds spent inside the runtime, summed over runs. */
  readonly runtimeMs: number;
}

/** One way to get answers: the embedded engine, or a pool of upstream engines. Routes never know which one answers. */
export interface Backend {
  state(): BackendState;
  /**
   * Resolves when requests can be taken.
   * @throws what stopped the loading, ShuttingDown
   */
  ready(): Promise<void>;
  /** Models that can be asked for; listed while loading, too. */
  models(): readonly ModelInfo[];
  /**
   * Runs one request. Aborting `signal` (or leaving the iteration early) frees its slots at the next step.
   * The first event comes when the request's turn does.
   * @throws RequestError, Unavailable before the first event; EngineFailure at any time
   */
  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<GenerationEvent>;
  stats(): BackendStats;
  /** Takes no new work, lets running requests finish for at most `graceMs`, then frees everything. Idempotent. */
  close(graceMs?: number): Promise<void>;
}
