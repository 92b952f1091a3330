/** Which memory a graph's inputs are read from and its outputs written to (OrtIoBinding): made once, run many times. */
import { NativeHandle, type Pointer } from './handles.ts';
import { ort } from './ort-api.ts';
import { check, created } from './ort-error.ts';
import type { NativeMemory, Tensor } from './tensor.ts';

/** Made by `Session.createBinding`. */
export class Binding {
  /** True while the session runs it; it can be neither changed nor closed then. */
  busy = false;
  readonly #handle: NativeHandle;
  /** What the runtime points into, held so that it is not collected; null while a name is not bound. */
  readonly #inputs: Map<string, NativeMemory | null>;
  readonly #outputs: Map<string, NativeMemory | null>;

  constructor(session: Pointer, inputNames: readonly string[], outputNames: readonly string[]) {
    const api = ort();
    this.#inputs = new Map(inputNames.map((name) => [name, null]));
    this.#outputs = new Map(outputNames.map((name) => [name, null]));
    this.#handle = new NativeHandle(
      'binding',
      created((out) => api.CreateIoBinding(session, out)),
      api.ReleaseIoBinding,
    );
  }

  get pointer(): Pointer {
    return this.#handle.pointer;
  }

  get closed(): boolean {
    return this.#handle.closed;
  }

  /**
   * Replaces what the input was bound to. The tensor may be closed afterwards; its memory is kept.
   * @throws RangeError if the graph has no such input
   */
  bindInput(name: string, tensor: Tensor): void {
    this.#refuseWhileBusy();
    requireName(this.#inputs, 'input', name);
    check(ort().BindInput(this.pointer, name, tensor.pointer));
    this.#inputs.set(name, tensor.memory);
  }

  /** As `bindInput`. An output may share memory with an input if the graph's operator works in place. */
  bindOutput(name: string, tensor: Tensor): void {
    this.#refuseWhileBusy();
    requireName(this.#outputs, 'output', name);
    check(ort().BindOutput(this.pointer, name, tensor.pointer));
    this.#outputs.set(name, tensor.memory);
  }

  /** Idempotent. @throws Error while it runs */
  close(): void {
    this.#refuseWhileBusy();
    this.#handle.close();
    this.#inputs.clear();
    this.#outputs.clear();
  }

  #refuseWhileBusy(): void {
    if (this.busy) throw new Error('The binding is running; wait for the run to end before changing or closing it.');
  }
}

/** Checked here, as the runtime's own binding is unusable once it was given a name that it does not know. */
function requireName(known: ReadonlyMap<string, unknown>, side: string, name: string): void {
  if (!known.has(name)) throw new RangeError(`The graph has no ${side} ${name}; it has ${[...known.keys()].join(', ')}.`);
}
