/** Keeps what is worth knowing of a request, and tells it once: in the headers of the answer and in one log line. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { GenerationEvent, Timings } from '../inference/types.ts';

/** Grows while the request is served. Holds numbers and names only, never prompts, pictures or keys. */
export interface RequestRecord {
  model?: string;
  promptTokens?: number;
  imageTokens?: number;
  completionTokens?: number;
  timings?: Timings;
  /** Code of the OpenAI error that was answered, also of one inside a stream. */
  error?: string | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    record: RequestRecord;
  }
}

/** Passes the events of one generation through and adds its counts to the record. */
export async function* recorded(events: AsyncIterable<GenerationEvent>, record: RequestRecord): AsyncGenerator<GenerationEvent> {
  for await (const event of events) {
    if (event.type === 'start') {
      record.promptTokens = (record.promptTokens ?? 0) + event.promptTokens;
      record.imageTokens = (record.imageTokens ?? 0) + event.imageTokens;
    } else if (event.type === 'finish') {
      record.completionTokens = (record.completionTokens ?? 0) + event.completionTokens;
    } else if (event.type === 'done') {
      record.timings = longest(record.timings, event.timings);
    }
    yield event;
  }
}

/** Prompts of one request run side by side, so the request took as long as the slowest of them. */
function longest(a: Timings | undefined, b: Timings): Timings {
  if (a === undefined) return b;
  return {
    queueMs: Math.max(a.queueMs, b.queueMs),
    prefillMs: Math.max(a.prefillMs, b.prefillMs),
    decodeMs: Math.max(a.decodeMs, b.decodeMs),
  };
}

/** Whole numbers, as OpenAI's own header; the finer ones only where the generation was over before the head was sent. */
function timingHeaders(elapsedMs: number, timings: Timings | undefined): Record<string, string> {
  const headers = { 'openai-processing-ms': String(Math.round(elapsedMs)) };
  if (timings === undefined) return headers;
  return {
    ...headers,
    'x-queue-ms': timings.queueMs.toFixed(1),
    'x-prefill-ms': timings.prefillMs.toFixed(1),
    'x-decode-ms': timings.decodeMs.toFixed(1),
  };
}

/** 499 is nginx' status for a client that hung up before its answer was complete. */
function statusOf(reply: FastifyReply): number {
  return reply.raw.writableEnded ? reply.statusCode : 499;
}

function logLine(request: FastifyRequest, reply: FastifyReply): void {
  const { model, promptTokens, imageTokens, completionTokens, timings, error } = request.record;
  request.log.info(
    {
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: statusOf(reply),
      model,
      prompt_tokens: promptTokens,
      image_tokens: imageTokens,
      completion_tokens: completionTokens,
      error,
      queue_ms: timings && Math.round(timings.queueMs),
      prefill_ms: timings && Math.round(timings.prefillMs),
      decode_ms: timings && Math.round(timings.decodeMs),
      ms: Math.round(reply.elapsedTime),
    },
    'request',
  );
}

export default fp(
  async (app) => {
    app.decorateRequest('record');
    app.addHook('onRequest', async (request, reply) => {
      request.record = {};
      reply.header('x-request-id', request.id);
      // Not onResponse: that hook stays silent when the client hangs up.
      reply.raw.once('close', () => logLine(request, reply));
    });
    app.addHook('onSend', async (request, reply) => {
      reply.headers(timingHeaders(reply.elapsedTime, request.record.timings));
    });
  },
  { name: 'request-record', fastify: '5.x' },
);
