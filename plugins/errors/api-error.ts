/** Refusals that only the protocol knows: each carries its HTTP status next to the four fields of an OpenAI error. */

export interface ApiErrorOptions {
  readonly status: number;
  readonly code: string | null;
  readonly param?: string | null;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, options: ApiErrorOptions) {
    super(message);
    this.name = new.target.name;
    this.status = options.status;
    this.type = options.type ?? 'invalid_request_error';
    this.param = options.param ?? null;
    this.code = options.code;
    this.headers = options.headers ?? {};
  }
}

/** A parameter of the OpenAI API, or of its relatives, that would change the answer and is not carried out. */
export class UnsupportedParameter extends ApiError {
  constructor(param: string, accepted: string) {
    super(`Unsupported parameter: '${param}' is not supported by this server. ${accepted}`, {
      status: 400,
      code: 'unsupported_parameter',
      param,
    });
  }
}

export class InvalidValue extends ApiError {
  constructor(message: string, param: string) {
    super(message, { status: 400, code: 'invalid_value', param });
  }
}

export class ModelNotFound extends ApiError {
  constructor(model: string, known: readonly string[]) {
    super(`The model '${model}' does not exist or you do not have access to it. Models served here: ${known.join(', ')}.`, {
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
  }
}

/** The path of a request's URL; the query may hold a key, and is shown to nobody. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

export class UnknownUrl extends ApiError {
  constructor(method: string, path: string) {
    super(`Invalid URL (${method} ${path})`, { status: 404, code: 'unknown_url' });
  }
}

export class MethodNotAllowed extends ApiError {
  constructor(method: string, path: string, allowed: readonly string[]) {
    super(`Not allowed to ${method} on ${path}. Allowed: ${allowed.join(', ')}.`, {
      status: 405,
      code: 'method_not_supported',
      headers: { allow: allowed.join(', ') },
    });
  }
}
