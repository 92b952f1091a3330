/** Answers with an OpenAI error what Node refuses with an empty body or none: no Host, an unknown Expect, CONNECT. */
import { Socket } from 'node:net';
import fp from 'fastify-plugin';
import { ApiError } from './errors/api-error.ts';
import { answerRaw } from './errors/raw-answer.ts';
import { requestId } from './request-id.ts';

/** The one expectation that there is (RFC 9110, 10.1.1), found the way Node finds it. */
const continueExpression = /(?:^|\W)100-continue(?:$|\W)/i;

/** The server must be created with `requireHostHeader: false`. */
export default fp(
  async (app) => {
    // Node asks here before it refuses; the hook below does so as for any request.
    app.server.on('checkExpectation', (request, response) => app.routing(request, response));

    app.server.on('connect', (request, socket) => {
      socket.on('error', () => socket.destroy());
      if (!(socket instanceof Socket)) {
        socket.destroy();
        return;
      }
      const id = requestId(request);
      app.log.info({ request_id: id, method: 'CONNECT', status: 405, error: 'method_not_supported' }, 'request');
      answerRaw(socket, {
        status: 405,
        message: 'Not allowed to CONNECT: this server is no proxy.',
        code: 'method_not_supported',
        id,
        headers: { allow: 'GET, HEAD, POST' },
      });
    });

    app.addHook('onRequest', async ({ raw: { headers, httpVersion } }) => {
      if (headers.host === undefined && httpVersion === '1.1') {
        throw new ApiError('The request has no Host header, which HTTP/1.1 asks for.', { status: 400, code: null });
      }
      if (headers.expect !== undefined && !continueExpression.test(headers.expect)) {
        throw new ApiError("The expectation of the request's Expect header is unknown; only 100-continue is met.", {
          status: 417,
          code: null,
        });
      }
    });
  },
  { name: 'http-refusals', fastify: '5.x', dependencies: ['request-record', 'errors'] },
);
