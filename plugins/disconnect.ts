/** Gives each inference request a signal that aborts when its client hangs up before the answer is complete. */
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyRequest {
    /** Aborted once the client is gone; whoever works for this request stops on it. */
    clientSignal: AbortSignal;
  }
  interface FastifyContextConfig {
    /** Set on routes that run the model. */
    inference?: boolean;
  }
}

const never = new AbortController().signal;

export default fp(
  async (app) => {
    app.decorateRequest('clientSignal');
    app.addHook('onRequest', async (request, reply) => {
      if (!request.routeOptions.config.inference) {
        request.clientSignal = never;
        return;
      }
      // Fastify's own request.signal aborts as soon as the body of a POST has been read, with the client still there.
      const controller = new AbortController();
      request.clientSignal = controller.signal;
      reply.raw.once('close', () => {
        if (!reply.raw.writableEnded) controller.abort();
      });
    });
  },
  { name: 'disconnect', fastify: '5.x' },
);
