/** Reads `multipart/form-data` requests: one part with the JSON body, and others that the body names as attachments. */
import { isUtf8 } from 'node:buffer';
import multipart, { type MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ApiError } from './errors/api-error.ts';

interface MultipartOptions {
  readonly maxFiles: number;
  /** Bytes of all parts together. */
  readonly maxBytes: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Parts of a multipart request by part name and by file name; empty for a JSON request. */
    attachments: ReadonlyMap<string, Uint8Array>;
  }
}

/** Names of the part that holds the JSON body. */
const bodyParts = ['request', 'payload'];
/** Parts of a form beyond its pictures: the JSON body, and what nothing names. */
const otherParts = 16;
const noAttachments: ReadonlyMap<string, Uint8Array> = new Map();

export default fp<MultipartOptions>(
  async (app, { maxFiles, maxBytes }) => {
    await app.register(multipart, {
      // A picture may come without a file name (`curl -F 'name=<file'`), and the body with one (FormData's of a Blob): the names
      // of the parts tell them apart, and all are bytes.
      isPartAFile: () => true,
      limits: { files: maxFiles + otherParts, fileSize: maxBytes },
    });
    // As a JSON request's: a member named `__proto__` is refused, a byte order mark is not.
    const parse = app.getDefaultJsonParser('error', 'error');
    const readJson: ReadJson = (request, text) =>
      new Promise((resolve, reject) => parse(request, text, (error, value) => (error ? reject(error) : resolve(value))));
    app.decorateRequest('attachments');
    app.addHook('preValidation', async (request) => {
      request.attachments = noAttachments;
      if (!request.isMultipart()) return;
      try {
        const { body, attachments } = await readForm(request, maxBytes, readJson);
        request.body = body;
        request.attachments = attachments;
      } catch (error) {
        // The rest of the form is let go unread; left in the pipe it would block the connection's next request.
        request.raw.unpipe();
        request.raw.resume();
        throw error instanceof Error && 'code' in error ? error : invalidForm('The body is not valid multipart/form-data.');
      }
    });
  },
  { name: 'multipart', fastify: '5.x' },
);

type ReadJson = (request: FastifyRequest, text: string) => Promise<unknown>;

async function readForm(
  request: FastifyRequest,
  maxBytes: number,
  readJson: ReadJson,
): Promise<{ body: unknown; attachments: Map<string, Uint8Array> }> {
  const attachments = new Map<string, Uint8Array>();
  const fileNames: (readonly [string, Uint8Array])[] = [];
  let body: { readonly json: unknown } | undefined;
  let bytes = 0;
  for await (const part of request.files()) {
    const content = await part.toBuffer();
    bytes += content.length;
    if (bytes > maxBytes) throw new ApiError('The form is too large for this server.', { status: 413, code: 'request_too_large' });
    // Both may be missing, whatever the library's types say.
    const { fieldname = '', filename = '' }: Partial<MultipartFile> = part;
    if (bodyParts.includes(fieldname)) {
      if (body !== undefined)
        throw invalidForm('The form has more than one part with the JSON body; send exactly one part named "request".');
      body = { json: await parsed(content, fieldname, (text) => readJson(request, text)) };
    } else {
      addAttachment(attachments, fieldname, content);
      fileNames.push([filename, content]);
    }
  }
  if (body === undefined) throw invalidForm('The form has no part named "request" (or "payload") with the JSON body.');
  addFileNames(attachments, fileNames);
  return { body: body.json, attachments };
}

async function parsed(content: Uint8Array, name: string, readJson: (text: string) => Promise<unknown>): Promise<unknown> {
  if (!isUtf8(content)) {
    throw new ApiError(`The part "${name}" of the form is not valid UTF-8.`, { status: 400, code: 'invalid_json' });
  }
  try {
    return await readJson(Buffer.from(content).toString('utf8'));
  } catch {
    throw new ApiError(`The part "${name}" of the form is not valid JSON.`, { status: 400, code: 'invalid_json' });
  }
}

function addAttachment(attachments: Map<string, Uint8Array>, name: string, content: Uint8Array): void {
  if (name === '') return;
  if (attachments.has(name)) {
    throw invalidForm(`Two parts of the form are named ${JSON.stringify(name)}; give each file a name of its own.`);
  }
  attachments.set(name, content);
}

/**
 * A part name goes before a file name, and a file name that several parts share names none of them: FormData calls
 * every Blob "blob", and pictures from two folders may well be called alike.
 */
function addFileNames(attachments: Map<string, Uint8Array>, files: readonly (readonly [string, Uint8Array])[]): void {
  const names = files.map(([name]) => name);
  for (const [name, content] of files) {
    const shared = names.indexOf(name) !== names.lastIndexOf(name);
    if (name !== '' && !shared && !attachments.has(name)) attachments.set(name, content);
  }
}

function invalidForm(message: string): ApiError {
  return new ApiError(message, { status: 400, code: 'invalid_multipart' });
}
