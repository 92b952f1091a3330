/** The part of the WebAssembly interface that is used here; TypeScript declares it only together with a browser's. */
declare namespace WebAssembly {
  class Module {
    /** Keeps the class apart from any other object. */
    private readonly module: never;
    static imports(module: Module): readonly { readonly module: string; readonly name: string }[];
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: unknown;
  }
  class RuntimeError extends Error {}
  interface Memory {
    /** Replaced by a larger one when memory grows. */
    readonly buffer: ArrayBuffer;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
