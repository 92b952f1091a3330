/** Instances of the engine's WebAssembly with what it imports: the glue that wasm-bindgen would have generated. */

type Call = (...words: number[]) => number;

/** What is called of the instance's exports. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly __wbindgen_malloc: Call;
  readonly __wbindgen_free: Call;
  readonly llg_new_tokenizer: Call;
  readonly llg_constraint_init_set_defaults: Call;
  readonly llg_new_matcher: Call;
  readonly llg_clone_matcher: Call;
  readonly llg_free_matcher: Call;
  readonly llg_matcher_get_error: Call;
  readonly llg_matcher_compute_mask_into: Call;
  readonly llg_matcher_consume_token: Call;
  readonly llg_matcher_rollback: Call;
  readonly llg_matcher_validate_tokens: Call;
}

/** Imports are named with a hash of the build behind; only these are needed by the C interface. */
const needed = ['now', '__wbg_getRandomValues_', '__wbindgen_init_externref_table', '__wbg___wbindgen_throw_'] as const;

/** @throws LinkError for another kind of module */
export function instantiate(module: WebAssembly.Module): Exports {
  let memory: WebAssembly.Memory | undefined;
  const bytes = (at: number, length: number) => new Uint8Array(memory?.buffer ?? new ArrayBuffer(0), at, length);
  const glue: Record<(typeof needed)[number], (...words: number[]) => unknown> = {
    now: () => performance.now(),
    __wbg_getRandomValues_: (at = 0, length = 0) => void crypto.getRandomValues(bytes(at, length)),
    __wbindgen_init_externref_table: () => {},
    __wbg___wbindgen_throw_: (at = 0, length = 0) => {
      throw new WebAssembly.RuntimeError(Buffer.from(bytes(at, length)).toString());
    },
  };
  const imports: Record<string, Record<string, unknown>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const prefix = needed.find((start) => name.startsWith(start));
    // The others pass JavaScript objects, which the C interface never does.
    const unexpected = () => {
      throw new WebAssembly.RuntimeError(`The grammar engine called ${name}, which it is not given.`);
    };
    imports[from] = { ...imports[from], [name]: prefix === undefined ? unexpected : glue[prefix] };
  }
  const exports = new WebAssembly.Instance(module, imports).exports as Exports;
  memory = exports.memory;
  return exports;
}
