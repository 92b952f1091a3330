/** node-llama-cpp, with its own prebuilt llama.cpp, behind the smallest HTTP server that streams. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command } from './command.ts';
import type { Peer } from './peer.ts';

const version = '3.22.1';

export const nodeLlamaCpp: Peer = {
  name: 'node-llama-cpp',
  version: `node-llama-cpp ${version}, its prebuilt binaries`,
  precision: 'as llama.cpp: the same file',
  async install(folder) {
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    const binaries = `@node-llama-cpp/${process.platform}-${process.arch}`;
    const options = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
    await command(folder, 'npm', ['install', ...options, `node-llama-cpp@${version}`, `${binaries}@${version}`]);
  },
  launch({ folder, files, port, threads, slots, contextLength }) {
    const script = fileURLToPath(new URL('./node-llama-cpp-server.js', import.meta.url));
    const args = [script, folder, files.gguf, ...[port, threads, slots, contextLength].map(String)];
    return { command: process.execPath, args, readyPath: '/health', model: 'smollm2' };
  },
  length: (tokens) => ({ max_tokens: tokens }),
};
