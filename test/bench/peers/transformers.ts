/** `transformers serve` with its continuous batching, on torch's processor back end. */
import type { Peer } from './peer.ts';
import { environment, program } from './python.ts';

const version = '5.24.0';
const torch = '2.13.0';

export const transformers: Peer = {
  name: 'transformers',
  version: `transformers ${version} (serve --continuous-batching), torch ${torch}`,
  precision: 'bfloat16 throughout',
  install: (folder) => environment(folder, [`transformers[serving]==${version}`, `torch==${torch}`]),
  launch({ folder, files, port, threads }) {
    const args = ['serve', files.checkpoint, '--host', '127.0.0.1', '--port', String(port), '--device', 'cpu', '--dtype', 'bfloat16'];
    const env = { OMP_NUM_THREADS: String(threads), HF_HUB_OFFLINE: '1' };
    return {
      command: program(folder, 'transformers'),
      args: [...args, '--continuous-batching'],
      env,
      readyPath: '/health',
      model: files.checkpoint,
    };
  },
  length: (tokens) => ({
    max_tokens: tokens,
    generation_config: JSON.stringify({ do_sample: false, min_new_tokens: tokens, max_new_tokens: tokens }),
  }),
};
