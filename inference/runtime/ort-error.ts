/** Turns an OrtStatus into an exception, and frees it. */
import { EngineFailure } from '../errors.ts';
import { NativeHandle, type Pointer } from './handles.ts';
import { type Out, ort, type Status } from './ort-api.ts';

/** `OrtErrorCode`, in the order of onnxruntime_c_api.h. */
const statusNames = [
  'ok',
  'fail',
  'invalid_argument',
  'no_such_file',
  'no_model',
  'engine_error',
  'runtime_exception',
  'invalid_protobuf',
  'model_loaded',
  'not_implemented',
  'invalid_graph',
  'ep_fail',
  'model_load_canceled',
  'model_requires_compilation',
  'not_found',
] as const;

/** ONNX Runtime refused a call or a run failed. */
export class OrtError extends EngineFailure {
  /** Name of the runtime's error code, for instance `invalid_argument`. */
  readonly status: string;

  constructor(status: string, message: string) {
    super(`ONNX Runtime: ${message}`);
    this.status = status;
  }
}

/** @throws OrtError if the status is an error; the status is released either way */
export function check(status: Status): void {
  if (status === null) return;
  const api = ort();
  const owner = new NativeHandle('status', status, api.ReleaseStatus);
  try {
    const code = api.GetErrorCode(status);
    throw new OrtError(statusNames[code] ?? `code ${code}`, api.GetErrorMessage(status));
  } finally {
    owner.close();
  }
}

/** The pointer that a call put into its out parameter, once its status is good. */
export function taken(status: Status, out: Out<Pointer | null>): Pointer {
  check(status);
  if (out[0] === null) throw new OrtError('fail', 'a call succeeded without giving its result.');
  return out[0];
}

/** Runs a call whose last argument is an out parameter, and returns what it put there. */
export function created(call: (out: Out<Pointer | null>) => Status): Pointer {
  const out: Out<Pointer | null> = [null];
  return taken(call(out), out);
}

/** As `created`, for a call that gives a number. */
export function counted(call: (out: Out<number>) => Status): number {
  const out: Out<number> = [0];
  check(call(out));
  return out[0];
}
