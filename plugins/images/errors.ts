/** Why an image was refused. Messages never repeat what a decoder, a resolver or a foreign server said. */
import { RequestError } from '../../inference/errors.ts';

export class TooManyImages extends RequestError {
  override readonly code = 'too_many_images';

  constructor(count: number, limit: number, param: string | null) {
    super(`The request has ${count} images; at most ${limit} are allowed.`, param);
  }
}

/** Too many bytes or pixels; `status` is 413 where the request itself is too large. */
export class ImageTooLarge extends RequestError {
  override readonly code = 'image_too_large';
  readonly status: 400 | 413;

  private constructor(message: string, param: string | null, status: 400 | 413) {
    super(message, param);
    this.status = status;
  }

  static base64(length: number, limit: number, param: string | null): ImageTooLarge {
    return new ImageTooLarge(`The base64 images of the request have ${length} bytes together; at most ${limit} are allowed.`, param, 413);
  }

  static fetched(limit: number, param: string | null): ImageTooLarge {
    return new ImageTooLarge(`The image at the URL has more than ${limit} bytes, which is the limit.`, param, 400);
  }

  static pixels(width: number, height: number, limit: number, param: string | null): ImageTooLarge {
    return new ImageTooLarge(`The image has ${width}×${height} pixels; at most ${limit} are allowed. Send a smaller one.`, param, 400);
  }

  static together(pixels: number, limit: number, param: string | null): ImageTooLarge {
    return new ImageTooLarge(`The images of the request have ${pixels} pixels together; at most ${limit} are allowed.`, param, 400);
  }
}

/** The reference is no `data:` URI, `http(s)` URL or `attachment://` name that can be read. */
export class InvalidImageUrl extends RequestError {
  override readonly code = 'invalid_image_url';
}

export class ImageUrlNotAllowed extends RequestError {
  override readonly code = 'image_url_not_allowed';

  constructor(param: string | null) {
    super('Images may not be fetched from this URL: its host is not allowed, or its address is not a public one.', param);
  }
}

export class ImageFetchFailed extends RequestError {
  override readonly code = 'image_fetch_failed';

  constructor(reason: string, param: string | null) {
    super(`The image could not be fetched: ${reason}.`, param);
  }
}

export class ImageFetchTimeout extends RequestError {
  override readonly code = 'image_fetch_timeout';

  constructor(limitMs: number, param: string | null) {
    super(`The image could not be fetched within ${limitMs / 1000} s.`, param);
  }
}

export class UnsupportedImageFormat extends RequestError {
  override readonly code = 'unsupported_image_format';

  constructor(param: string | null) {
    super('The image is in no supported format; send PNG, JPEG, WebP, GIF, BMP, TIFF, PPM or AVIF.', param);
  }
}

/** It looks like an image of a supported format, but it is broken or cut off. */
export class InvalidImage extends RequestError {
  override readonly code = 'invalid_image';

  constructor(format: string, param: string | null) {
    super(`The image looks like ${format} but cannot be decoded: it is damaged or incomplete.`, param);
  }
}
