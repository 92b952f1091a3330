/** Builds the real application around a scripted backend. */
import { Writable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { type AppConfig, buildApp } from '../server/app.ts';
import { type ScriptedBackend, scriptedBackend } from './scripted-backend.ts';

export interface TestApp {
  readonly app: FastifyInstance;
  readonly backend: ScriptedBackend;
  /** Parsed log lines. */
  readonly log: Record<string, unknown>[];
}

interface Owner {
  teardown(free: () => Promise<void>): void;
}

/** @param owner the test, which closes the application when it ends */
export function testApp(owner: Owner, backend = scriptedBackend(), config: Partial<AppConfig> = {}): TestApp {
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const app = buildApp({
    config: { maxQueue: 8, shutdownGraceMs: 1000, images: {}, ...config },
    backend,
    logger: pino({ level: 'info' }, sink),
  });
  owner.teardown(() => app.close());
  return { app, backend, log };
}

/** The objects of a server-sent event stream, with `'[DONE]'` and comments as strings. */
export function streamed(body: string): unknown[] {
  return body
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => {
      if (!frame.startsWith('data: ')) return frame;
      const data = frame.slice('data: '.length);
      return data === '[DONE]' ? data : JSON.parse(data);
    });
}

export function chat(overrides: object = {}): object {
  return { model: 'scripted', messages: [{ role: 'user', content: 'Hi' }], ...overrides };
}

/** Listens on a free port. @returns the base URL */
export async function listening(app: FastifyInstance): Promise<string> {
  return app.listen({ port: 0, host: '127.0.0.1' });
}

/** A promise and the function that fulfils it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
