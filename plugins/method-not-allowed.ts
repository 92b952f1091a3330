/** Answers 405 with `Allow` where a path exists but not for the method; registered after all routes. */
import type { FastifyInstance, HTTPMethods } from 'fastify';
import fp from 'fastify-plugin';
import { MethodNotAllowed, pathOf } from './errors/api-error.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Methods of each route by its path pattern. */
    routeMethods: Map<string, Set<string>>;
  }
}

const methods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Collects the paths; must be registered before the routes. */
export const routeCatalogue = fp(
  async (app) => {
    app.decorate('routeMethods', new Map<string, Set<string>>());
    app.addHook('onRoute', ({ url, method }) => {
      const known = app.routeMethods.get(url) ?? new Set<string>();
      for (const name of [method].flat()) known.add(name);
      app.routeMethods.set(url, known);
    });
  },
  { name: 'route-catalogue', fastify: '5.x' },
);

/** Registers a refusal for each method that a known path does not have. */
export async function methodNotAllowed(app: FastifyInstance): Promise<void> {
  for (const [url, known] of [...app.routeMethods]) {
    const allowed = [...known];
    app.route({
      url,
      method: methods.filter((method) => !known.has(method)),
      // In the first hook, so that no body is read for it.
      onRequest: async (request) => {
        throw new MethodNotAllowed(request.method, pathOf(request.url), allowed);
      },
      handler: async () => undefined,
    });
  }
}
