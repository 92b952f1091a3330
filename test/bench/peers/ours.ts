/** This project's server at 4 bits: as users start it, and with guessed tokens, which pay where text repeats itself. */
import { join } from 'node:path';
import { projectRoot } from '../../tools/project.ts';
import { cacheFolder } from '../workloads.ts';
import type { Launch, Peer, Setting } from './peer.ts';

const precision = 'linear layers 4 bits (float32 scale for 32), head 8 bits, embedding float32 (one row is read), cache float32';

const length = (tokens: number) => ({ max_tokens: tokens, ignore_eos: true });

function launchOf({ files, port, threads, slots, contextLength }: Setting, more: Readonly<Record<string, string>> = {}): Launch {
  const env = {
    HOST: '127.0.0.1',
    PORT: String(port),
    MODEL: files.checkpoint,
    SERVED_MODEL_NAME: 'smollm2',
    QUANTIZATION: 'int4',
    MAX_MODEL_LEN: String(contextLength),
    MAX_NUM_SEQS: String(slots),
    THREADS: String(threads),
    CACHE_DIR: cacheFolder(),
    LOG_LEVEL: 'error',
    ...more,
  };
  return {
    command: process.execPath,
    args: [join(projectRoot(), 'dist', 'server', 'main.js')],
    env,
    readyPath: '/ready',
    model: 'smollm2',
  };
}

export const ours: Peer = {
  name: 'this server',
  version: 'QUANTIZATION=int4, all else as it is by default',
  precision,
  install: async () => undefined,
  launch: (setting) => launchOf(setting),
  length,
};

export const guessing: Peer = {
  ...ours,
  name: 'with-guesses',
  version: 'this server with SPECULATIVE_NGRAM=auto',
  launch: (setting) => launchOf(setting, { SPECULATIVE_NGRAM: 'auto' }),
};
