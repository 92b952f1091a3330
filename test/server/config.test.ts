import { join } from 'node:path';
import t from 'tap';
import { ConfigError, loadConfig } from '../../server/config.ts';
import { settings } from '../../server/settings.ts';

t.test('defaults', async (t) => {
  t.match(loadConfig([], {}), {
    host: '127.0.0.1',
    port: 8000,
    model: /checkpoints.firellava-tiny$/,
    servedModelName: [],
    quantization: 'auto',
    maxModelLen: undefined,
    threads: undefined,
    maxQueue: 256,
    queueTimeout: 0,
    kvCacheBytes: undefined,
    prefixCache: true,
    speculation: 'off',
    imageCacheBytes: 2 ** 28,
    logLevel: 'info',
    shutdownGrace: 25,
  });
});

t.test('a flag counts before a variable, a variable before the file, the file before the default', async (t) => {
  const folder = t.testdir({ 'config.json': JSON.stringify({ PORT: 1, MAX_QUEUE: 2, THREADS: '3', SERVED_MODEL_NAME: ['a', 'b'] }) });
  const file = join(folder, 'config.json');
  t.match(loadConfig(['--config-file', file, '--port', '11'], { PORT: '21', MAX_QUEUE: '22' }), {
    port: 11,
    maxQueue: 22,
    threads: 3,
    servedModelName: ['a', 'b'],
    host: '127.0.0.1',
  });
  t.match(loadConfig(['--port=12'], { CONFIG_FILE: file, HOST: '' }), { port: 12, maxQueue: 2, host: '127.0.0.1' });
});

t.test('lists, and values left to the server', async (t) => {
  t.match(loadConfig([], { SERVED_MODEL_NAME: 'tiny, accounts/fireworks/models/tiny', MAX_MODEL_LEN: '512', THREADS: 'auto' }), {
    servedModelName: ['tiny', 'accounts/fireworks/models/tiny'],
    maxModelLen: 512,
    threads: undefined,
  });
});

t.test('a wrong value is told in one line: which, where, expected, found', async (t) => {
  const folder = t.testdir({
    'unknown.json': '{"PROT": 1}',
    'wrong.json': '{"PORT": "x"}',
    'list.json': '[]',
    'broken.json': '{',
  });
  const at = (name: string) => ['--config-file', join(folder, name)];
  const wrong: readonly (readonly [string[], NodeJS.ProcessEnv, RegExp])[] = [
    [[], { PORT: 'abc' }, /^PORT must be an integer from 0 to 65535, but the environment says "abc"\.$/],
    [[], { PORT: '65536' }, /^PORT .*65535/],
    [[], { PORT: '-1' }, /^PORT /],
    [[], { PORT: '1e3' }, /^PORT /],
    [['--port', '8.5'], {}, /^PORT must be .*, but the flag --port says "8\.5"\.$/],
    [[], { QUANTIZATION: 'int3' }, /^QUANTIZATION must be one of auto, none, int8, int4, but .*"int3"/],
    [[], { MAX_MODEL_LEN: '0' }, /^MAX_MODEL_LEN must be auto or an integer of at least 1/],
    [[], { LOG_LEVEL: 'loud' }, /^LOG_LEVEL must be one of /],
    [['--model', ''], {}, /^MODEL must be text/],
    [['--prot', '1'], {}, /'--prot'.*--help/],
    [['extra'], {}, /'extra'.*--help/],
    [['--port'], {}, /--port.*--help/],
    [at('unknown.json'), {}, /unknown setting "PROT"/],
    [at('wrong.json'), {}, /^PORT must be .* but .*wrong\.json says "x"/],
    [at('list.json'), {}, /JSON object/],
    [at('broken.json'), {}, /broken\.json cannot be read/],
    [at('missing.json'), {}, /missing\.json cannot be read/],
  ];
  for (const [argv, env, message] of wrong) {
    t.throws(() => loadConfig(argv, env), ConfigError);
    try {
      loadConfig(argv, env);
    } catch (error) {
      const line = (error as Error).message;
      t.match(line, message);
      t.notMatch(line, /\n/);
    }
  }
});

t.test('--help lists every setting with its flag and its default', async (t) => {
  const { help } = loadConfig(['--help'], { PORT: 'abc' }) as { help: string };
  for (const { name, default: fallback } of Object.values(settings)) {
    t.match(help, `--${name.toLowerCase().replaceAll('_', '-')}, ${name}\n`);
    t.match(help, `default ${fallback || 'none'}\n`);
  }
});
