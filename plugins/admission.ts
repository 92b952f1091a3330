/** Refuses requests that cannot be served now before their body is read: loading, shutting down, queue full. */
import fp from 'fastify-plugin';
import { QueueFull } from '../inference/errors.ts';

interface AdmissionOptions {
  /** Requests that may wait for a slot; one more is refused. */
  readonly maxQueue: number;
}

export default fp<AdmissionOptions>(
  async (app, { maxQueue }) => {
    app.addHook('onRequest', async (request) => {
      if (!request.routeOptions.config.inference) return;
      const reason = app.unavailability();
      if (reason !== null) throw reason;
      const { waiting, freeSlots } = app.backend.stats();
      if (freeSlots === 0 && waiting >= maxQueue) throw new QueueFull(waiting);
    });
  },
  { name: 'admission', fastify: '5.x', dependencies: ['backend', 'disconnect'] },
);
