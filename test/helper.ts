/** Starts the real application with the real engine, for tests from end to end. */
import { join } from 'node:path';
import { pino } from 'pino';
import { type Backend, createEmbeddedBackend } from '../inference/index.ts';
import { type AppConfig, buildApp } from '../server/app.ts';
import { packageRoot } from '../server/package-root.ts';

export interface ServerOptions {
  /** Folder of the checkpoint; default the embedded model. */
  readonly checkpoint?: string;
  /** Names that clients may use; default `test-model`. */
  readonly servedNames?: readonly [string, ...string[]];
  readonly maxNumSeqs?: number;
  readonly maxModelLen?: number;
  readonly maxQueue?: number;
  readonly prefixCache?: boolean;
  readonly config?: Partial<AppConfig>;
}

export interface TestServer {
  /** Base URL for an OpenAI client, `/v1` included. */
  readonly baseURL: string;
  /** The same without `/v1`. */
  readonly origin: string;
  readonly model: string;
  readonly backend: Backend;
  close(): Promise<void>;
}

const embeddedCheckpoint = join(packageRoot, 'inference', 'checkpoints', 'firellava-tiny');
/** Compiled checkpoints are kept between test runs. */
const cacheDir = join(packageRoot, '.cache', 'test');

/** Listens on a free port and waits until the model is ready. The caller closes it. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const {
    checkpoint = embeddedCheckpoint,
    servedNames = ['test-model'],
    maxQueue = 64,
    maxNumSeqs = 8,
    maxModelLen,
    prefixCache,
    config,
  } = options;
  const backend = createEmbeddedBackend({
    checkpoint,
    servedNames,
    quantization: 'auto',
    cacheDir,
    maxQueue,
    maxNumSeqs,
    // Test files run side by side: threads that spin for each other's cores would only get slower.
    threads: 1,
    ...(maxModelLen !== undefined && { maxModelLen }),
    ...(prefixCache !== undefined && { prefixCache }),
    version: '0.0.0-test',
    log: { info: () => {} },
  });
  const app = buildApp({
    config: { maxQueue, shutdownGraceMs: 10_000, images: {}, ...config },
    backend,
    logger: pino({ level: 'silent' }),
  });
  try {
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    await backend.ready();
    return { origin, baseURL: `${origin}/v1`, model: servedNames[0], backend, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}
