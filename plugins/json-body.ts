/** Reads JSON bodies, which are UTF-8 (RFC 8259, section 8.1): no other charset, and no bytes that are none. */
import { isUtf8 } from 'node:buffer';
import fp from 'fastify-plugin';
import { ApiError } from './errors/api-error.ts';

/** Names of UTF-8 and of its subset. */
const readable = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);

export default fp(
  async (app) => {
    // A member named `__proto__` is refused.
    const parse = app.getDefaultJsonParser('error', 'error');
    app.removeContentTypeParser('application/json');
    app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
      const charset = charsetOf(request.headers['content-type']);
      if (charset !== undefined && !readable.has(charset.toLowerCase())) return done(unsupportedCharset(charset));
      if (!isUtf8(body)) return done(new ApiError('The request body is not valid UTF-8.', { status: 400, code: 'invalid_json' }));
      return parse(request, body.toString('utf8'), done);
    });
  },
  { name: 'json-body', fastify: '5.x' },
);

function charsetOf(contentType = ''): string | undefined {
  return /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1];
}

function unsupportedCharset(charset: string): ApiError {
  return new ApiError(`Unsupported charset: '${charset.slice(0, 64)}'. Send JSON as UTF-8.`, {
    status: 415,
    code: 'unsupported_media_type',
  });
}
