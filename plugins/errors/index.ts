/** Answers every error, and every path that does not exist, with an OpenAI error object. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { pathOf, UnknownUrl } from './api-error.ts';
import { errorAnswer } from './mapping.ts';

/** Sends what {@link errorAnswer} says, and logs faults of the server with their cause. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, headers, body } = errorAnswer(error);
  const clientLeft = reply.raw.closed && !reply.raw.writableEnded;
  if (body.error.code === 'server_error' && !clientLeft) request.log.error({ err: error }, 'request failed');
  request.record.error = body.error.code;
  return reply.code(status).headers(headers).type('application/json; charset=utf-8').serializer(JSON.stringify).send(body);
}

export default fp(
  async (app) => {
    app.setErrorHandler(sendError);
    app.setNotFoundHandler((request) => {
      throw new UnknownUrl(request.method, pathOf(request.url));
    });
  },
  { name: 'errors', fastify: '5.x', dependencies: ['request-record'] },
);
