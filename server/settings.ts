/** The table of settings: name, meaning, default and how its text is read. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { defaultImageCacheBytes } from '../inference/index.ts';
import { imageDefaults } from '../plugins/images/options.ts';
import { logLevels } from './logger.ts';
import { packageRoot } from './package-root.ts';

export interface Setting<T> {
  /** Environment variable, and key in the configuration file; the flag is this in lower case with dashes. */
  readonly name: string;
  readonly help: string;
  /** Read like any other text, so that `--help` shows exactly what holds. */
  readonly default: string;
  /** What the values look like, for messages and `--help`. */
  readonly expected: string;
  /** @returns the value, or undefined if the text is none */
  readonly parse: (text: string) => { readonly value: T } | undefined;
}

type Kind<T> = Pick<Setting<T>, 'expected' | 'parse'>;

const text: Kind<string> = { expected: 'text', parse: (raw) => (raw === '' ? undefined : { value: raw }) };

const list: Kind<readonly string[]> = {
  expected: 'a list separated by commas',
  parse: (raw) => ({
    value: raw
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  }),
};

const flag: Kind<boolean> = {
  expected: 'true or false',
  parse: (raw) => (raw === 'true' || raw === 'false' ? { value: raw === 'true' } : undefined),
};

function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): Kind<number> {
  return {
    expected: maximum === Number.MAX_SAFE_INTEGER ? `an integer of at least ${minimum}` : `an integer from ${minimum} to ${maximum}`,
    parse: (raw) => {
      const value = Number(raw);
      return /^\d+$/.test(raw) && value >= minimum && value <= maximum ? { value } : undefined;
    },
  };
}

function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    expected: `one of ${values.join(', ')}`,
    parse: (raw) => {
      const value = values.find((candidate) => candidate === raw);
      return value === undefined ? undefined : { value };
    },
  };
}

/** `auto` (undefined) leaves the choice to whoever knows better. */
function orAuto<T>(kind: Kind<T>): Kind<T | undefined> {
  return { expected: `auto or ${kind.expected}`, parse: (raw) => (raw === 'auto' ? { value: undefined } : kind.parse(raw)) };
}

function setting<T>(name: string, kind: Kind<T>, defaultText: string, help: string): Setting<T> {
  return { name, help, default: defaultText, ...kind };
}

export const settings = {
  host: setting('HOST', text, '127.0.0.1', 'Address to listen on; 0.0.0.0 for all.'),
  port: setting('PORT', integer(0, 65_535), '8000', 'Port to listen on; 0 takes a free one.'),
  model: setting('MODEL', text, join(packageRoot, 'inference', 'checkpoints', 'firellava-tiny'), 'Folder of the checkpoint to serve.'),
  servedModelName: setting(
    'SERVED_MODEL_NAME',
    list,
    '',
    'Names that clients may use for the model; the default is the name of its folder.',
  ),
  quantization: setting('QUANTIZATION', oneOf('auto', 'none', 'int8', 'int4'), 'auto', 'Precision of the weights.'),
  maxModelLen: setting(
    'MAX_MODEL_LEN',
    orAuto(integer(1)),
    'auto',
    'Most tokens of prompt and answer together; auto takes what the model has positions for.',
  ),
  maxNumSeqs: setting(
    'MAX_NUM_SEQS',
    orAuto(integer(1, 1024)),
    'auto',
    'Sequences that run at once; auto takes up to 32, as memory allows, or what fits into KV_CACHE_MEMORY_BYTES.',
  ),
  kvCacheBytes: setting(
    'KV_CACHE_MEMORY_BYTES',
    orAuto(integer(1)),
    'auto',
    'Most bytes of the key/value cache, MAX_NUM_SEQS times MAX_MODEL_LEN tokens; auto takes up to half of the memory.',
  ),
  maxQueue: setting('MAX_QUEUE', integer(0), '256', 'Sequences that may wait for their turn; one more is refused with 503.'),
  queueTimeout: setting(
    'QUEUE_TIMEOUT',
    integer(0, 86_400),
    '0',
    'Seconds that a request may wait for its turn, after which it is refused with 503; 0 for any time.',
  ),
  threads: setting('THREADS', orAuto(integer(1, 1024)), 'auto', 'Threads of the model; auto takes the cores of the machine.'),
  prefixCache: setting(
    'ENABLE_PREFIX_CACHING',
    flag,
    'true',
    'Prompts start from what earlier ones have in the cache; answers are the same either way.',
  ),
  speculation: setting(
    'SPECULATIVE_NGRAM',
    oneOf('auto', 'off'),
    'off',
    'Whether tokens that followed the last few before are computed along with the next one, where that is faster; answers are the same.',
  ),
  imageCacheBytes: setting(
    'IMAGE_CACHE_BYTES',
    integer(0),
    String(defaultImageCacheBytes),
    'Bytes of encoded images kept for later requests; 0 keeps none.',
  ),
  cacheDir: setting('CACHE_DIR', text, join(homedir(), '.cache', 'firellava-gateway'), 'Folder for compiled checkpoints.'),
  maxImages: setting('IMAGE_MAX_COUNT', integer(0), String(imageDefaults.maxImages), 'Images in a request.'),
  maxBase64Bytes: setting(
    'IMAGE_MAX_BASE64_BYTES',
    integer(0),
    String(imageDefaults.maxBase64Bytes),
    'Bytes of the base64 images of a request together.',
  ),
  maxFetchBytes: setting('IMAGE_MAX_FETCH_BYTES', integer(0), String(imageDefaults.maxFetchBytes), 'Bytes of one fetched image.'),
  fetchTimeoutMs: setting(
    'IMAGE_FETCH_TIMEOUT_MS',
    integer(1, 600_000),
    String(imageDefaults.fetchTimeoutMs),
    'Milliseconds for fetching one image, redirects included.',
  ),
  maxRedirects: setting(
    'IMAGE_MAX_REDIRECTS',
    integer(0, 20),
    String(imageDefaults.maxRedirects),
    'Redirects that the fetch of an image follows.',
  ),
  maxPixels: setting('IMAGE_MAX_PIXELS', integer(1), String(imageDefaults.maxPixels), 'Pixels of one image.'),
  maxTotalPixels: setting(
    'IMAGE_MAX_TOTAL_PIXELS',
    integer(1),
    String(imageDefaults.maxTotalPixels),
    'Pixels of all images of a request together.',
  ),
  allowedHosts: setting(
    'IMAGE_ALLOWED_HOSTS',
    list,
    '',
    'Hosts that images may be fetched from (example.com, *.example.com); none means every public host.',
  ),
  allowPrivateNetworks: setting(
    'IMAGE_ALLOW_PRIVATE_NETWORKS',
    flag,
    String(imageDefaults.allowPrivateNetworks),
    'Lets images be fetched from private addresses; for a trusted network only.',
  ),
  logLevel: setting('LOG_LEVEL', oneOf(...logLevels), 'info', 'Least level that is logged.'),
  shutdownGrace: setting('SHUTDOWN_GRACE', integer(0, 3600), '25', 'Seconds that running requests get after SIGTERM.'),
} satisfies Record<string, Setting<unknown>>;

export type Settings = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };
