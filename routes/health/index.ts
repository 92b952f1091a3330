/** `GET /health` (the process lives) and `GET /ready` (the model answers). */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Unavailable } from '../../inference/errors.ts';
import { Health, Ready } from './schema.ts';

export const health: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/health', { schema: { response: { 200: Health } } }, async () => ({ status: 'ok' as const }));

  app.get('/ready', { schema: { response: { 200: Ready } } }, async () => {
    const reason = app.unavailability();
    if (reason === null) return { status: 'ready' as const };
    throw reason instanceof Unavailable ? reason : new Unavailable(reason.message, 30);
  });
};
