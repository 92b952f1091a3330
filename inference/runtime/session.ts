/** A graph loaded by the runtime, ready to run. */
import koffi, { type KoffiFunc } from 'koffi';
import { Binding } from './binding.ts';
import { acquireEnvironment, releaseEnvironment } from './environment.ts';
import { NativeHandle, type Pointer } from './handles.ts';
import { type Out, ort, type Status } from './ort-api.ts';
import { check, counted, created, taken } from './ort-error.ts';
import { createSessionOptions, type SessionOptions } from './session-options.ts';
import { type ElementType, elementTypeOf } from './tensor.ts';

/** An input or output of a graph. */
export interface ValueInfo {
  readonly name: string;
  /** Null if it is not a tensor of a type that is known here. */
  readonly type: ElementType | null;
  /** -1 where the size is decided at run time. */
  readonly shape: readonly number[];
}

/** Runs a native function on a thread of libuv's pool. */
function callAsync<Arguments extends unknown[]>(call: KoffiFunc<(...args: Arguments) => Status>, ...args: Arguments): Promise<Status> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: unknown, status: Status) => (error ? reject(error) : resolve(status)));
  });
}

export class Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly #handle: NativeHandle;
  readonly #bindings = new Set<Binding>();
  #running: Promise<unknown> | null = null;

  private constructor(handle: NativeHandle) {
    this.#handle = handle;
    this.inputs = describeValues(handle.pointer, 'input');
    this.outputs = describeValues(handle.pointer, 'output');
  }

  /**
   * Loads a graph off the event loop. External weights are found next to the `.onnx` file and mapped where the system can.
   * @throws OrtError if the file is missing, broken, or uses an operator that the runtime does not have
   */
  static async create(file: string, options: SessionOptions): Promise<Session> {
    const api = ort();
    const { env } = acquireEnvironment();
    let handle: NativeHandle | undefined;
    try {
      const sessionOptions = createSessionOptions(options);
      try {
        const out: Out<Pointer | null> = [null];
        const status = await callAsync(api.CreateSession, env.pointer, file, sessionOptions.pointer, out);
        handle = new NativeHandle('session', taken(status, out), api.ReleaseSession);
      } finally {
        sessionOptions.close();
      }
      return new Session(handle);
    } catch (error) {
      handle?.close();
      releaseEnvironment();
      throw error;
    }
  }

  /** The caller closes it; `close()` of the session closes what is left. */
  createBinding(): Binding {
    const names = (values: readonly ValueInfo[]) => values.map(({ name }) => name);
    const binding = new Binding(this.#handle.pointer, names(this.inputs), names(this.outputs));
    for (const known of this.#bindings) if (known.closed) this.#bindings.delete(known);
    this.#bindings.add(binding);
    return binding;
  }

  /**
   * Runs the graph off the event loop; resolves to the milliseconds from the call to the end of the run, which include handing it to
   * a thread and back (some 0.05 ms).
   * @throws Error if a run of this session is under way: its memory is not to be shared
   * @throws OrtError if the run fails
   */
  async run(binding: Binding): Promise<number> {
    if (this.#running !== null) throw new Error('The session is running; one run at a time.');
    const session = this.#handle.pointer;
    binding.busy = true;
    const start = performance.now();
    const call = callAsync(ort().RunWithBinding, session, null, binding.pointer);
    this.#running = call;
    try {
      check(await call);
      return performance.now() - start;
    } finally {
      this.#running = null;
      binding.busy = false;
    }
  }

  /** Waits for a run under way, then frees the bindings and the graph. Idempotent. */
  async close(): Promise<void> {
    while (this.#running !== null) await this.#running.catch(() => undefined);
    if (this.#handle.closed) return;
    for (const binding of this.#bindings) binding.close();
    this.#bindings.clear();
    this.#handle.close();
    releaseEnvironment();
  }
}

function describeValues(session: Pointer, side: 'input' | 'output'): ValueInfo[] {
  const api = ort();
  const input = side === 'input';
  const count = counted((out) => (input ? api.SessionGetInputCount : api.SessionGetOutputCount)(session, out));
  const allocator = created((out) => api.GetAllocatorWithDefaultOptions(out));
  return Array.from({ length: count }, (_, index) => {
    const text = created((out) => (input ? api.SessionGetInputName : api.SessionGetOutputName)(session, index, allocator, out));
    const name = koffi.decode.string(text);
    check(api.AllocatorFree(allocator, text));
    const typeInfo = new NativeHandle(
      'type info',
      created((out) => (input ? api.SessionGetInputTypeInfo : api.SessionGetOutputTypeInfo)(session, index, out)),
      api.ReleaseTypeInfo,
    );
    try {
      return { name, ...describeTensor(typeInfo.pointer) };
    } finally {
      typeInfo.close();
    }
  });
}

function describeTensor(typeInfo: Pointer): Pick<ValueInfo, 'type' | 'shape'> {
  const api = ort();
  const tensorInfo: Out<Pointer | null> = [null];
  check(api.CastTypeInfoToTensorInfo(typeInfo, tensorInfo));
  const info = tensorInfo[0];
  if (info === null) return { type: null, shape: [] };
  const type = elementTypeOf(counted((out) => api.GetTensorElementType(info, out)));
  const rank = counted((out) => api.GetDimensionsCount(info, out));
  const dimensions = new BigInt64Array(rank);
  check(api.GetDimensions(info, dimensions, rank));
  return { type, shape: Array.from(dimensions, Number) };
}
