/** How the runtime is to run a graph. */
import { NativeHandle } from './handles.ts';
import { ort } from './ort-api.ts';
import { check, created } from './ort-error.ts';

/** `GraphOptimizationLevel` */
const optimizationLevels = { none: 0, basic: 1, extended: 2, all: 99 } as const;
/** `ExecutionMode` */
const executionModes = { sequential: 0, parallel: 1 } as const;

export interface SessionOptions {
  /** Threads inside one operator, the calling one included; 0 takes one for each physical core. */
  readonly threads: number;
  /**
   * Threads spin while they wait for each other in a run: decoding is 20–35 % faster. They stop with the run: what comes between two
   * runs, such as decoding pictures and answering, needs the processor. Default true.
   */
  readonly spinning?: boolean;
  /** Default `all`. */
  readonly graphOptimization?: keyof typeof optimizationLevels;
  /** `parallel` runs independent operators at once. Default `sequential`. */
  readonly executionMode?: keyof typeof executionModes;
  /**
   * Plans one block of memory for all intermediate values of a run: some 5 % less work for a decode step. The plan is kept for every
   * combination of input shapes that is ever seen: leave it off where shapes have no bound. Default false.
   */
  readonly memoryPattern?: boolean;
  /** The session writes what each operator took to `<profile>_<date>.json` when it closes; runs are slower. */
  readonly profile?: string;
  /** Further entries of onnxruntime_session_options_config_keys.h. */
  readonly config?: Readonly<Record<string, string>>;
}

/** The caller closes it. @throws OrtError if an entry is refused */
export function createSessionOptions(options: SessionOptions): NativeHandle {
  const api = ort();
  const handle = new NativeHandle(
    'session options',
    created((out) => api.CreateSessionOptions(out)),
    api.ReleaseSessionOptions,
  );
  try {
    const { pointer } = handle;
    check(api.SetIntraOpNumThreads(pointer, options.threads));
    check(api.SetSessionExecutionMode(pointer, executionModes[options.executionMode ?? 'sequential']));
    check(api.SetSessionGraphOptimizationLevel(pointer, optimizationLevels[options.graphOptimization ?? 'all']));
    if (options.profile !== undefined) check(api.EnableProfiling(pointer, options.profile));
    check((options.memoryPattern ? api.EnableMemPattern : api.DisableMemPattern)(pointer));
    const config = {
      'session.intra_op.allow_spinning': (options.spinning ?? true) ? '1' : '0',
      'session.force_spinning_stop': '1',
      ...options.config,
    };
    for (const [key, value] of Object.entries(config)) check(api.AddSessionConfigEntry(pointer, key, value));
    return handle;
  } catch (error) {
    handle.close();
    throw error;
  }
}
