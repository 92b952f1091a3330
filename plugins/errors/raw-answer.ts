/** Writes an OpenAI error straight to a connection, for what never becomes a request that is routed. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorBody } from './mapping.ts';

interface RawError {
  readonly status: number;
  readonly message: string;
  readonly code: string | null;
  /** Sent as `x-request-id`. */
  readonly id: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long a client that has its answer may keep the connection open; milliseconds. */
const lingerMs = 5_000;

/** Answers and closes the connection. */
export function answerRaw(socket: Socket, { status, message, code, id, headers }: RawError): void {
  const body: ErrorBody = { error: { message, type: 'invalid_request_error', param: null, code } };
  const json = JSON.stringify(body);
  const fields = {
    ...headers,
    'x-request-id': id,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(json)),
    connection: 'close',
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  // Destroyed at once, it could take the answer with it while bytes of the client are still unread.
  const linger = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(linger));
  socket.resume();
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', json].join('\r\n'));
}
