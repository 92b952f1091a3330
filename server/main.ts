/** The process: configuration → backend → application → listen → graceful close. */
import { basename, resolve } from 'node:path';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { type Backend, CapacityError, CheckpointError, createEmbeddedBackend, ShuttingDown } from '../inference/index.ts';
import type { ImageOptions } from '../plugins/images/options.ts';
import { buildApp } from './app.ts';
import { ConfigError, loadConfig } from './config.ts';
import { createLogger } from './logger.ts';
import { packageVersion } from './package-root.ts';
import type { Settings } from './settings.ts';
import { onEndSignal } from './signals.ts';

/** Past the grace that running requests get, the time for closing everything else; milliseconds. */
const closingMs = 5_000;
const closingLine = 'closing: running requests finish, new ones are refused';

function exitWith(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

function readConfig(): Settings {
  try {
    const config = loadConfig(process.argv.slice(2));
    if (!('help' in config)) return config;
    process.stdout.write(config.help);
  } catch (error) {
    if (error instanceof ConfigError) exitWith(error.message);
    throw error;
  }
  process.exit(0);
}

function startBackend(settings: Settings, logger: Logger): Backend {
  const { threads, maxNumSeqs, maxModelLen, kvCacheBytes, quantization, cacheDir, maxQueue, prefixCache, imageCacheBytes } = settings;
  const checkpoint = resolve(settings.model);
  const [first = basename(checkpoint), ...aliases] = settings.servedModelName;
  return createEmbeddedBackend({
    checkpoint,
    servedNames: [first, ...aliases],
    quantization,
    cacheDir: resolve(cacheDir),
    maxQueue,
    queueTimeoutMs: settings.queueTimeout * 1000,
    prefixCache,
    imageCacheBytes,
    speculation: settings.speculation === 'auto',
    ...(threads !== undefined && { threads }),
    ...(maxNumSeqs !== undefined && { maxNumSeqs }),
    ...(maxModelLen !== undefined && { maxModelLen }),
    ...(kvCacheBytes !== undefined && { kvCacheBytes }),
    version: packageVersion,
    log: logger,
  });
}

function imageOptions(settings: Settings): ImageOptions {
  const { maxImages, maxBase64Bytes, maxFetchBytes, fetchTimeoutMs, maxRedirects } = settings;
  const { maxPixels, maxTotalPixels, allowedHosts, allowPrivateNetworks } = settings;
  return {
    maxImages,
    maxBase64Bytes,
    maxFetchBytes,
    fetchTimeoutMs,
    maxRedirects,
    maxPixels,
    maxTotalPixels,
    allowedHosts,
    allowPrivateNetworks,
  };
}

/** Ends the process once the model turns out not to load: there is nothing this server could do. */
async function exitIfLoadingFails(backend: Backend, app: FastifyInstance, logger: Logger): Promise<void> {
  try {
    await backend.ready();
  } catch (error) {
    if (error instanceof ShuttingDown) return;
    await app.close();
    // What is wrong with the checkpoint or the machine is told in one line; anything else is a fault of this program.
    if (error instanceof CheckpointError || error instanceof CapacityError) exitWith(error.message);
    logger.fatal({ err: error }, 'the model could not be loaded');
    process.exit(1);
  }
}

const settings = readConfig();
const logger = createLogger(settings.logLevel);
const backend = startBackend(settings, logger);
const graceMs = settings.shutdownGrace * 1000;
const app = buildApp({
  config: { maxQueue: settings.maxQueue, shutdownGraceMs: graceMs, images: imageOptions(settings) },
  backend,
  logger,
});

const { close } = closeWithGrace({ delay: graceMs + closingMs, logger, skip: ['SIGINT', 'SIGTERM'] }, async ({ signal, err }) => {
  if (err) logger.fatal({ err }, 'closing after an error');
  else if (signal) logger.info({ signal }, closingLine);
  // By then every answer is complete; whoever has not read it yet does not keep the process alive.
  const force = setTimeout(() => app.server.closeAllConnections(), graceMs + closingMs / 2);
  await app.close();
  clearTimeout(force);
});
onEndSignal(
  (signal) => {
    logger.info({ signal }, closingLine);
    close();
  },
  (signal) => {
    logger.error(`second ${signal}: ending at once`);
    process.exit(1);
  },
);

try {
  await app.listen({ host: settings.host, port: settings.port, listenTextResolver: (address) => `listening at ${address}` });
} catch (error) {
  await app.close();
  exitWith(`Cannot listen on ${settings.host}:${settings.port}: ${error instanceof Error ? error.message : String(error)}`);
}
void exitIfLoadingFails(backend, app, logger);
