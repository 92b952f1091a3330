/** Answers bytes that are no HTTP request, or that come too slowly, before there is a request to route. */
import type { Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { newRequestId } from '../request-id.ts';
import { answerRaw } from './raw-answer.ts';

const answers: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The request headers are too large.' },
};

const malformed = { status: 400, message: 'The request is not valid HTTP.' };

/** Fastify's `clientErrorHandler`. */
export function clientErrorHandler(log: FastifyBaseLogger): (error: Error & { readonly code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const { status, message } = answers[error.code ?? ''] ?? malformed;
    const id = newRequestId();
    log.info({ request_id: id, status, error: error.code }, 'not a request');
    answerRaw(socket, { status, message, code: null, id });
  };
}
