/** The application as an ordered list of plugins and routes. */
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Backend } from '../inference/types.ts';
import admission from '../plugins/admission.ts';
import backendPlugin from '../plugins/backend.ts';
import connections from '../plugins/connections.ts';
import disconnect from '../plugins/disconnect.ts';
import { clientErrorHandler } from '../plugins/errors/client-error.ts';
import errors, { sendError } from '../plugins/errors/index.ts';
import httpRefusals from '../plugins/http-refusals.ts';
import images from '../plugins/images/index.ts';
import { type ImageOptions, imageDefaults } from '../plugins/images/options.ts';
import jsonBody from '../plugins/json-body.ts';
import { methodNotAllowed, routeCatalogue } from '../plugins/method-not-allowed.ts';
import multipart from '../plugins/multipart.ts';
import { requestId } from '../plugins/request-id.ts';
import requestRecord from '../plugins/request-record.ts';
import sse from '../plugins/sse.ts';
import { health } from '../routes/health/index.ts';
import { chatCompletions } from '../routes/v1/chat-completions/index.ts';
import { completions } from '../routes/v1/completions/index.ts';
import { models } from '../routes/v1/models/index.ts';
import { version } from '../routes/version/index.ts';
import { packageVersion } from './package-root.ts';

export interface AppConfig {
  /** Requests that may wait for a slot. */
  readonly maxQueue: number;
  /** How long running requests may go on once the server closes, in milliseconds. */
  readonly shutdownGraceMs: number;
  readonly images: Partial<ImageOptions>;
  /** Silence on a stream before a keep-alive comment, in milliseconds; default 15 s. */
  readonly keepAliveMs?: number;
  /** How long a client may take nothing of a stream, in milliseconds; default 60 s. */
  readonly stallMs?: number;
}

export interface AppParts {
  readonly config: AppConfig;
  readonly backend: Backend;
  readonly logger: FastifyBaseLogger;
}

/** What a body may have besides its base64 images, in bytes. */
const textLimit = 6 * 1024 * 1024;

/** Milliseconds; an answer itself may take as long as it takes. */
const timeouts = { headers: 30_000, wholeRequest: 120_000, idleConnection: 75_000 };

/** Builds the application; it neither listens nor waits for the model. The caller closes it, and it closes the backend. */
export function buildApp({ config, backend, logger }: AppParts): FastifyInstance {
  const imageOptions: ImageOptions = { ...imageDefaults, ...config.images };
  const bodyLimit = imageOptions.maxBase64Bytes + textLimit;
  const app = fastify({
    loggerInstance: logger,
    // The request-record plugin writes the one line of each request.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    requestIdHeader: false,
    genReqId: requestId,
    bodyLimit,
    requestTimeout: timeouts.wholeRequest,
    keepAliveTimeout: timeouts.idleConnection,
    // A missing Host is refused by a plugin, with a body.
    http: { headersTimeout: timeouts.headers, requireHostHeader: false },
    routerOptions: { maxParamLength: 1024 },
    // Fastify measures the closing by the limit for plugins to load, too: running requests may take longer than its 10 s.
    pluginTimeout: 0,
    // Requests that come while the last ones finish get a proper refusal from the admission plugin.
    return503OnClosing: false,
    // Bodies are checked as sent: "1" is no number, and nothing is added or removed.
    ajv: { customOptions: { coerceTypes: false, useDefaults: false, removeAdditional: false, discriminator: true, verbose: true } },
    clientErrorHandler: clientErrorHandler(logger),
    frameworkErrors: (error, request, reply) => {
      request.record = {};
      sendError(error, request, reply.header('x-request-id', request.id));
    },
  });
  app.removeContentTypeParser('text/plain');

  app.register(requestRecord);
  app.register(errors);
  app.register(routeCatalogue);
  app.register(jsonBody);
  app.register(backendPlugin, { backend, graceMs: config.shutdownGraceMs });
  app.register(connections);
  app.register(disconnect);
  app.register(httpRefusals);
  // Authentication and rate limits belong here: after the request has a record, before anything is spent on it.
  app.register(admission, { maxQueue: config.maxQueue });
  app.register(images, imageOptions);
  const { keepAliveMs, stallMs } = config;
  app.register(sse, { ...(keepAliveMs !== undefined && { keepAliveMs }), ...(stallMs !== undefined && { stallMs }) });

  app.register(health);
  app.register(version, { version: packageVersion });
  app.register(models);
  app.register(completions);
  app.register(async (scope) => {
    scope.register(multipart, { maxFiles: imageOptions.maxImages, maxBytes: bodyLimit });
    scope.register(chatCompletions);
  });

  app.register(methodNotAllowed);
  return app;
}
