/** Errors that inference throws. Each has a stable `code`; what HTTP status it becomes is decided in `plugins/errors`. */

/** Something the caller asked for cannot be done as asked: never a fault of the server. */
export class RequestError extends Error {
  readonly code: string = 'invalid_request';
  /** Name of the offending field in the caller's terms, for instance `messages` or `max_tokens`. */
  readonly param: string | null;

  constructor(message: string, param: string | null = null) {
    super(message);
    this.name = new.target.name;
    this.param = param;
  }
}

export class ContextLengthExceeded extends RequestError {
  override readonly code = 'context_length_exceeded';

  /** @param options.atLeast whether the prompt has as many tokens or more: it was not encoded, being too long in any case */
  constructor(
    promptTokens: number,
    requestedTokens: number,
    maxModelLen: number,
    { param = 'messages', atLeast = false }: { readonly param?: string; readonly atLeast?: boolean } = {},
  ) {
    const some = atLeast ? 'at least ' : '';
    super(
      `This model's maximum context length is ${maxModelLen} tokens, but ${some}${promptTokens + requestedTokens} were requested ` +
        `(${some}${promptTokens} in the prompt, ${requestedTokens} for the completion). Shorten the prompt or lower max_tokens.`,
      param,
    );
  }
}

/** The number of image placeholders in the prompt differs from the number of images sent. */
export class ImageCountMismatch extends RequestError {
  override readonly code = 'image_count_mismatch';

  constructor(placeholders: number, images: number) {
    super(`The prompt has ${placeholders} image placeholder(s) but ${images} image(s) were sent; the counts must be equal.`, 'prompt');
  }
}

/** Images were sent to a model without a vision tower. */
export class ImagesNotSupported extends RequestError {
  override readonly code = 'images_not_supported';

  constructor(model: string) {
    super(`The model ${model} reads text only; remove the images or choose a vision-language model.`, 'messages');
  }
}

/** An image was named instead of sent, and nothing of it is kept (any more). */
export class ImageNotCached extends RequestError {
  override readonly code = 'image_not_cached';

  constructor(uuid: string) {
    super(`No image with the uuid ${JSON.stringify(uuid)} is cached; send the request again with its URL.`, 'messages');
  }
}

/** A chat prompt that the checkpoint's template refuses (for instance roles that must alternate). */
export class ChatTemplateRefused extends RequestError {
  override readonly code = 'chat_template_refused';
}

/** A schema, expression or grammar that the answer cannot be held to. */
export class GrammarRefused extends RequestError {
  override readonly code = 'invalid_grammar';

  constructor(reason: string, param: string) {
    super(`Invalid '${param}': ${reason}`, param);
  }
}

/** The server cannot take the request now; the caller may come again after `retryAfterSeconds`. */
export class Unavailable extends Error {
  readonly code: string = 'overloaded';
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.name = new.target.name;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export class QueueFull extends Unavailable {
  override readonly code = 'overloaded';

  constructor(waiting: number, retryAfterSeconds = 1) {
    super(`The server is overloaded: ${waiting} requests are waiting already. Try again later.`, retryAfterSeconds);
  }
}

/** The request has waited for its turn longer than the operator lets one wait. */
export class QueueTimeout extends Unavailable {
  override readonly code = 'overloaded';

  constructor(waitedMs: number, retryAfterSeconds: number) {
    super(`The server is overloaded: the request has waited ${waitedMs / 1000} s for its turn. Try again later.`, retryAfterSeconds);
  }
}

export class ModelLoading extends Unavailable {
  override readonly code = 'model_loading';

  constructor(model: string, retryAfterSeconds = 2) {
    super(`The model ${model} is still loading. Try again shortly.`, retryAfterSeconds);
  }
}

export class ShuttingDown extends Unavailable {
  override readonly code = 'shutting_down';

  constructor() {
    super('The server is shutting down and takes no new work.', 5);
  }
}

/** A model run failed: a fault of the server, whose details go to the log and never to the caller. */
export class EngineFailure extends Error {
  readonly code = 'engine_failure';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The checkpoint cannot be served: stops the start with this one line (file, tensor, expected, found). */
export class CheckpointError extends Error {
  readonly code = 'checkpoint_error';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The operator asks for more sequences or longer ones than the model or the machine can hold: stops the start. */
export class CapacityError extends Error {
  readonly code = 'capacity_error';

  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}
