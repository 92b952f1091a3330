/** The one place where an error of any origin becomes an HTTP status and an OpenAI error object. */
import type { FastifyError } from 'fastify';
import { RequestError, Unavailable } from '../../inference/errors.ts';
import { ApiError } from './api-error.ts';
import { validationError } from './validation.ts';

export interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string | null };
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
}

/** Faults of the server say no more than this to the caller; what happened is in the log under the request's id. */
const internalMessage = 'The server had an error while processing your request. Please retry, and report the x-request-id if it persists.';

/** Errors of the framework by their code; a status here replaces the framework's own. */
const frameworkErrors: Readonly<Record<string, { readonly status: number; readonly code: string | null; readonly message?: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415, code: 'unsupported_media_type' },
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, code: 'request_too_large', message: 'The request body is too large for this server.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { status: 400, code: 'invalid_content_length' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, code: 'invalid_json', message: 'The request body is empty, but a JSON object was expected.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, code: 'invalid_json', message: 'We could not parse the JSON body of your request.' },
  FST_ERR_BAD_URL: { status: 404, code: 'unknown_url', message: 'Invalid URL: it is not properly percent-encoded.' },
  FST_ERR_MAX_PARAM_LENGTH: { status: 404, code: 'unknown_url', message: 'Invalid URL: a part of the path is too long.' },
  FST_REQ_FILE_TOO_LARGE: { status: 413, code: 'request_too_large', message: 'A file part of the form is too large for this server.' },
  FST_PARTS_LIMIT: { status: 413, code: 'request_too_large', message: 'The form has too many parts.' },
  FST_FILES_LIMIT: { status: 400, code: 'too_many_images', message: 'The form has too many file parts.' },
  FST_PROTO_VIOLATION: { status: 400, code: 'invalid_multipart', message: 'A part of the form has a name that is not allowed.' },
  FST_MP_PREMATURE_CLOSE: { status: 400, code: 'invalid_multipart', message: 'The form ended before its last part was complete.' },
};

/** @returns status, headers and body; the body of a fault of the server holds nothing of the error itself */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof ApiError) return answer(error.status, error.message, error.type, error.param, error.code, error.headers);
  if (error instanceof RequestError) return answer(requestStatus(error), error.message, 'invalid_request_error', error.param, error.code);
  if (error instanceof Unavailable) {
    return answer(503, error.message, 'server_error', null, error.code, { 'retry-after': String(error.retryAfterSeconds) });
  }
  if (isFastifyError(error)) {
    if (error.validation !== undefined && error.validation.length > 0) return errorAnswer(validationError(error.validation));
    const known = frameworkErrors[error.code];
    if (known !== undefined) return answer(known.status, known.message ?? error.message, 'invalid_request_error', null, known.code);
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) return answer(status, error.message, 'invalid_request_error', null, null);
  }
  return answer(500, internalMessage, 'server_error', null, 'server_error');
}

/** A refusal is 400 unless its class says otherwise (an upload that is too large is 413). */
function requestStatus(error: RequestError): number {
  return 'status' in error && typeof error.status === 'number' ? error.status : 400;
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && ('code' in error || 'statusCode' in error);
}

function answer(
  status: number,
  message: string,
  type: string,
  param: string | null,
  code: string | null,
  headers: Readonly<Record<string, string>> = {},
): ErrorAnswer {
  return { status, headers, body: { error: { message, type, param, code } } };
}
