/** Thread of the encoder pool: encodes rows that it is sent, and sends the parts back. */
import { parentPort } from 'node:worker_threads';
import type { EncodeReply, EncodeRequest } from './encoder-pool.ts';
import { encodeRows } from './row-encoder.ts';

parentPort?.on('message', ({ id, bytes, dtype, columns, encoding }: EncodeRequest) => {
  const parts = encodeRows(bytes, dtype, columns, encoding);
  const reply: EncodeReply = { id, parts };
  parentPort?.postMessage(
    reply,
    parts.map((part) => part.buffer),
  );
});
