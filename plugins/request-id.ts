/** Names a request: the name goes into the answer's `x-request-id` and into every log line of the request. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export function newRequestId(): string {
  return `req_${randomUUID().replaceAll('-', '')}`;
}

/** The client's own name for it, where that is fit for a log; a new one otherwise. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const sent = headers['x-request-id'];
  return typeof sent === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(sent) ? sent : newRequestId();
}
