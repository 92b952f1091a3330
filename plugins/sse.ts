/** Sends objects as server-sent events: framing, keep-alive comments, an error event, the closing `[DONE]`. */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { errorAnswer } from './errors/mapping.ts';

interface SseOptions {
  /** Silence after which a comment line is sent, so that proxies keep the connection; milliseconds. */
  readonly keepAliveMs?: number;
  /** A client that takes nothing of what there is for so long loses its connection; milliseconds. */
  readonly stallMs?: number;
}

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Answers with a stream of events. The head is sent with the first of them, so whatever is thrown before it is an
     * ordinary HTTP error; only after a whole keep-alive interval of silence does the head go out alone.
     * Events are pulled one at a time, as fast as the client reads.
     */
    sse(events: AsyncIterable<object>): Promise<FastifyReply>;
  }
}

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Tells nginx not to collect the stream before passing it on.
  'x-accel-buffering': 'no',
};

const silence = Symbol('silence');

async function withinInterval<T>(promise: Promise<T>, ms: number): Promise<T | typeof silence> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<typeof silence>((resolve) => {
    timer = setTimeout(resolve, ms, silence);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

interface Framing {
  readonly keepAliveMs: number;
  readonly stallMs: number;
  readonly onStall: () => void;
  /** Turns an error into the object that the error event carries. */
  readonly describe: (error: unknown) => object;
}

/** @param first the pending first result of `iterator`, already asked for */
async function* frames(
  iterator: AsyncIterator<object>,
  first: Promise<IteratorResult<object>>,
  { keepAliveMs, stallMs, onStall, describe }: Framing,
): AsyncGenerator<string> {
  let stall: NodeJS.Timeout | undefined;
  // The generator goes on when there is room for more.
  const watched = (frame: string) => {
    stall = setTimeout(onStall, stallMs);
    return frame;
  };
  try {
    let pending = first;
    for (;;) {
      const result = await withinInterval(pending, keepAliveMs);
      if (result === silence) {
        yield watched(': keep-alive\n\n');
        clearTimeout(stall);
      } else if (result.done) {
        break;
      } else {
        yield watched(`data: ${JSON.stringify(result.value)}\n\n`);
        clearTimeout(stall);
        pending = iterator.next();
      }
    }
    yield 'data: [DONE]\n\n';
  } catch (error) {
    yield `data: ${JSON.stringify(describe(error))}\n\n`;
  } finally {
    clearTimeout(stall);
    await iterator.return?.();
  }
}

export default fp<SseOptions>(
  async (app, { keepAliveMs = 15_000, stallMs = 60_000 }) => {
    app.decorateReply('sse', async function (this: FastifyReply, events) {
      const iterator = events[Symbol.asyncIterator]();
      const first = iterator.next();
      await withinInterval(first, keepAliveMs);
      const describe = (error: unknown): object => {
        const { body } = errorAnswer(error);
        this.request.record.error = body.error.code;
        const faulty = body.error.code === 'server_error' && !this.request.clientSignal.aborted;
        if (faulty) this.request.log.error({ err: error }, 'stream failed');
        return body;
      };
      const onStall = () => {
        this.request.record.error = 'client_stalled';
        this.request.raw.socket.destroy();
      };
      return this.headers(headers).send(Readable.from(frames(iterator, first, { keepAliveMs, stallMs, onStall, describe })));
    });
  },
  { name: 'sse', fastify: '5.x', dependencies: ['request-record', 'disconnect'] },
);
