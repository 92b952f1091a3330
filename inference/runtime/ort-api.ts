/** The part of ONNX Runtime's C API in use, as typed functions. */
import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';
import type { Pointer } from './handles.ts';
import { loadRuntimeLibrary } from './native-library.ts';

/** NULL when the call succeeded; else an OrtStatus that the caller must release. */
export type Status = Pointer | null;
/** An out parameter: a box of one, filled by the call. */
export type Out<T> = [T];
type OutPointer = Out<Pointer | null>;

export interface OrtApi {
  GetErrorCode(status: Pointer): number;
  GetErrorMessage(status: Pointer): string;
  ReleaseStatus(status: Pointer): void;
  GetBuildInfoString(): string;

  CreateEnv(logLevel: number, logId: string, out: OutPointer): Status;
  ReleaseEnv(env: Pointer): void;

  CreateSessionOptions(out: OutPointer): Status;
  SetSessionExecutionMode(options: Pointer, mode: number): Status;
  EnableProfiling(options: Pointer, prefix: string): Status;
  EnableMemPattern(options: Pointer): Status;
  DisableMemPattern(options: Pointer): Status;
  SetSessionGraphOptimizationLevel(options: Pointer, level: number): Status;
  SetIntraOpNumThreads(options: Pointer, threads: number): Status;
  AddSessionConfigEntry(options: Pointer, key: string, value: string): Status;
  ReleaseSessionOptions(options: Pointer): void;

  CreateSession: KoffiFunc<(env: Pointer, modelPath: string, options: Pointer, out: OutPointer) => Status>;
  SessionGetInputCount(session: Pointer, out: Out<number>): Status;
  SessionGetOutputCount(session: Pointer, out: Out<number>): Status;
  SessionGetInputName(session: Pointer, index: number, allocator: Pointer, out: OutPointer): Status;
  SessionGetOutputName(session: Pointer, index: number, allocator: Pointer, out: OutPointer): Status;
  SessionGetInputTypeInfo(session: Pointer, index: number, out: OutPointer): Status;
  SessionGetOutputTypeInfo(session: Pointer, index: number, out: OutPointer): Status;
  ReleaseSession(session: Pointer): void;

  /** The tensor part of a type info, owned by it; NULL when the value is not a tensor. */
  CastTypeInfoToTensorInfo(typeInfo: Pointer, out: OutPointer): Status;
  GetTensorElementType(tensorInfo: Pointer, out: Out<number>): Status;
  GetDimensionsCount(tensorInfo: Pointer, out: Out<number>): Status;
  GetDimensions(tensorInfo: Pointer, dimensions: BigInt64Array, count: number): Status;
  ReleaseTypeInfo(typeInfo: Pointer): void;

  /** The default allocator belongs to the runtime and is never released. */
  GetAllocatorWithDefaultOptions(out: OutPointer): Status;
  AllocatorFree(allocator: Pointer, memory: Pointer): Status;

  CreateCpuMemoryInfo(allocatorType: number, memoryType: number, out: OutPointer): Status;
  ReleaseMemoryInfo(memoryInfo: Pointer): void;

  CreateTensorWithDataAsOrtValue(
    memoryInfo: Pointer,
    data: Pointer,
    byteLength: number,
    shape: readonly number[],
    rank: number,
    elementType: number,
    out: OutPointer,
  ): Status;
  ReleaseValue(value: Pointer): void;

  CreateIoBinding(session: Pointer, out: OutPointer): Status;
  BindInput(binding: Pointer, name: string, value: Pointer): Status;
  BindOutput(binding: Pointer, name: string, value: Pointer): Status;
  RunWithBinding: KoffiFunc<(session: Pointer, runOptions: null, binding: Pointer) => Status>;
  ReleaseIoBinding(binding: Pointer): void;
}

/** `ORTCHAR_T`: paths are UTF-16 on Windows, bytes elsewhere. */
const pathType = process.platform === 'win32' ? 'str16' : 'str';

/**
 * Version asked of `GetApi`: the oldest whose functions are all used below, so that any later library serves it. The struct is
 * append-only ("all additions must be at the end and no functions may be removed", onnxruntime_c_api.cc, guarded there by
 * static_asserts on offsets such as `ReleaseCustomOpDomain == 101`), so the indices hold for every version from this one on.
 */
const apiVersion = 20;

/**
 * Position of each function in `struct OrtApi` (counted in pointers) and its prototype.
 * Source: onnxruntime_c_api.h of ONNX Runtime 1.31 as bound in the crate `ort-sys` 2.0.0-rc.15 (`pub struct OrtApi`).
 */
const functions: { readonly [Name in keyof OrtApi]: readonly [index: number, prototype: string] } = {
  GetErrorCode: [1, 'int (void *status)'],
  GetErrorMessage: [2, 'str (void *status)'],
  CreateEnv: [3, 'void *(int level, str id, _Out_ void **out)'],
  CreateSession: [7, `void *(void *env, ${pathType} path, void *options, _Out_ void **out)`],
  CreateSessionOptions: [10, 'void *(_Out_ void **out)'],
  SetSessionExecutionMode: [13, 'void *(void *options, int mode)'],
  EnableProfiling: [14, `void *(void *options, ${pathType} prefix)`],
  EnableMemPattern: [16, 'void *(void *options)'],
  DisableMemPattern: [17, 'void *(void *options)'],
  SetSessionGraphOptimizationLevel: [23, 'void *(void *options, int level)'],
  SetIntraOpNumThreads: [24, 'void *(void *options, int threads)'],
  SessionGetInputCount: [30, 'void *(void *session, _Out_ size_t *out)'],
  SessionGetOutputCount: [31, 'void *(void *session, _Out_ size_t *out)'],
  SessionGetInputTypeInfo: [33, 'void *(void *session, size_t index, _Out_ void **out)'],
  SessionGetOutputTypeInfo: [34, 'void *(void *session, size_t index, _Out_ void **out)'],
  SessionGetInputName: [36, 'void *(void *session, size_t index, void *allocator, _Out_ void **out)'],
  SessionGetOutputName: [37, 'void *(void *session, size_t index, void *allocator, _Out_ void **out)'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void *(void *info, void *data, size_t bytes, const int64_t *shape, size_t rank, int type, _Out_ void **out)',
  ],
  CastTypeInfoToTensorInfo: [55, 'void *(void *info, _Out_ void **out)'],
  GetTensorElementType: [60, 'void *(void *info, _Out_ int *out)'],
  GetDimensionsCount: [61, 'void *(void *info, _Out_ size_t *out)'],
  GetDimensions: [62, 'void *(void *info, _Out_ int64_t *dimensions, size_t count)'],
  CreateCpuMemoryInfo: [69, 'void *(int allocator, int memory, _Out_ void **out)'],
  AllocatorFree: [76, 'void *(void *allocator, void *memory)'],
  GetAllocatorWithDefaultOptions: [78, 'void *(_Out_ void **out)'],
  ReleaseEnv: [92, 'void (void *env)'],
  ReleaseStatus: [93, 'void (void *status)'],
  ReleaseMemoryInfo: [94, 'void (void *info)'],
  ReleaseSession: [95, 'void (void *session)'],
  ReleaseValue: [96, 'void (void *value)'],
  ReleaseTypeInfo: [98, 'void (void *info)'],
  ReleaseSessionOptions: [100, 'void (void *options)'],
  AddSessionConfigEntry: [130, 'void *(void *options, str key, str value)'],
  RunWithBinding: [133, 'void *(void *session, void *options, void *binding)'],
  CreateIoBinding: [134, 'void *(void *session, _Out_ void **out)'],
  ReleaseIoBinding: [135, 'void (void *binding)'],
  BindInput: [136, 'void *(void *binding, str name, void *value)'],
  BindOutput: [137, 'void *(void *binding, str name, void *value)'],
  GetBuildInfoString: [254, 'str ()'],
};

interface Runtime {
  readonly version: string;
  readonly api: OrtApi;
  /** Held so that the library stays loaded: functions decoded from its table do not keep it. */
  readonly library: LibraryHandle;
}

let runtime: Runtime | undefined;

function load(): Runtime {
  const library = loadRuntimeLibrary();
  // struct OrtApiBase { const OrtApi *(*GetApi)(uint32_t version); const char *(*GetVersionString)(void); }
  const base: Pointer = library.func('void *OrtGetApiBase()')();
  const functionAt = (table: Pointer, index: number, prototype: string) =>
    koffi.decode(koffi.decode(table, index * koffi.sizeof('void *'), 'void *'), koffi.proto(prototype));
  const version: string = functionAt(base, 1, 'str ()')();
  const table: Pointer | null = functionAt(base, 0, 'void *(uint32_t version)')(apiVersion);
  if (table === null)
    throw new Error(`ONNX Runtime ${version} does not offer API version ${apiVersion}; install onnxruntime-node 1.20 or later.`);
  const api = Object.fromEntries(
    Object.entries(functions).map(([name, [index, prototype]]) => [name, functionAt(table, index, prototype)]),
  ) as unknown as OrtApi;
  return { version, api, library };
}

/** The function table, loaded at first use, once for each thread. */
export function ort(): OrtApi {
  runtime ??= load();
  return runtime.api;
}

/** Version of the loaded library, for instance `1.30.0`. */
export function runtimeVersion(): string {
  runtime ??= load();
  return runtime.version;
}
