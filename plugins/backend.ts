/** Lends the inference backend to the routes, and drains it when the server closes. */
import fp from 'fastify-plugin';
import { EngineFailure, ModelLoading, ShuttingDown } from '../inference/errors.ts';
import type { Backend, ModelInfo } from '../inference/types.ts';
import { ModelNotFound } from './errors/api-error.ts';

interface BackendOptions {
  readonly backend: Backend;
  /** How long running requests may go on after the server was asked to close, in milliseconds. */
  readonly graceMs: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    backend: Backend;
    /** @throws ModelNotFound if no model answers to this name or alias */
    findModel(name: string): ModelInfo;
    /** Why no request can be taken now, or null if one can. */
    unavailability(): Error | null;
  }
}

export default fp<BackendOptions>(
  async (app, { backend, graceMs }) => {
    let closing = false;

    app.decorate('backend', backend);

    app.decorate('findModel', (name: string): ModelInfo => {
      const models = backend.models();
      const found = models.find(({ names }) => names.includes(name));
      if (found === undefined) {
        throw new ModelNotFound(
          name,
          models.flatMap(({ names }) => names),
        );
      }
      return found;
    });

    app.decorate('unavailability', (): Error | null => {
      const state = backend.state();
      if (closing || state.phase === 'closed') return new ShuttingDown();
      if (state.phase === 'loading') return new ModelLoading(backend.models()[0]?.names[0] ?? 'asked for');
      if (state.phase === 'failed') return new EngineFailure('The model could not be loaded.', { cause: state.error });
      return null;
    });

    // Still listening while running requests finish: new ones are told to go elsewhere instead of finding a closed port.
    app.addHook('preClose', async () => {
      closing = true;
      const limit = setTimeout(() => {
        const { running } = backend.stats();
        app.log.warn({ running, graceMs }, 'the grace is over: what still runs is cut off');
      }, graceMs);
      try {
        await backend.close(graceMs);
      } finally {
        clearTimeout(limit);
      }
    });
  },
  { name: 'backend', fastify: '5.x' },
);
