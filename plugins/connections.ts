/** Lets the server close without waiting for connections that carry no answer: those kept alive, or opened in advance. */
import type { Socket } from 'node:net';
import fp from 'fastify-plugin';

export default fp(
  async (app) => {
    /** Of each connection, the answers under way on it. */
    const answers = new Map<Socket, number>();
    let closing = false;

    app.server.on('connection', (socket) => {
      answers.set(socket, 0);
      socket.once('close', () => answers.delete(socket));
    });

    app.addHook('onRequest', async ({ raw: { socket } }, reply) => {
      const before = answers.get(socket);
      // An injected request has no connection.
      if (before === undefined) return;
      answers.set(socket, before + 1);
      reply.raw.once('close', () => {
        const left = (answers.get(socket) ?? 1) - 1;
        if (answers.has(socket)) answers.set(socket, left);
        if (closing && left === 0) socket.destroySoon();
      });
    });

    // Node closes the idle connections that have had a request; one without any would be waited for until its time-out.
    app.addHook('preClose', async () => {
      closing = true;
      for (const [socket, count] of answers) if (count === 0) socket.destroy();
    });
  },
  { name: 'connections', fastify: '5.x', dependencies: ['backend'] },
);
