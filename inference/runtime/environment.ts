/** The runtime's environment, made at first use and freed with its last user. */
import { NativeHandle } from './handles.ts';
import { ort } from './ort-api.ts';
import { created } from './ort-error.ts';

/** `OrtLoggingLevel`: only what is fatal. What fails is thrown; printing it to stderr as well would go past the logger. */
const logLevelFatal = 4;
/** `OrtDeviceAllocator` and `OrtMemTypeDefault`: plain memory of the processor, owned by whoever made it. */
const deviceAllocator = 0;
const defaultMemory = 0;

interface Environment {
  readonly env: NativeHandle;
  /** Describes the processor's own memory; needed to wrap memory in a tensor. */
  readonly cpuMemory: NativeHandle;
}

let current: { readonly environment: Environment; users: number } | undefined;

function open(): Environment {
  const api = ort();
  const env = new NativeHandle(
    'env',
    created((out) => api.CreateEnv(logLevelFatal, 'inference', out)),
    api.ReleaseEnv,
  );
  try {
    const info = created((out) => api.CreateCpuMemoryInfo(deviceAllocator, defaultMemory, out));
    return { env, cpuMemory: new NativeHandle('memory info', info, api.ReleaseMemoryInfo) };
  } catch (error) {
    env.close();
    throw error;
  }
}

/** Each call must be paired with one `releaseEnvironment()`. */
export function acquireEnvironment(): Environment {
  current ??= { environment: open(), users: 0 };
  current.users += 1;
  return current.environment;
}

export function releaseEnvironment(): void {
  if (current === undefined) throw new Error('The environment was released more often than acquired.');
  current.users -= 1;
  if (current.users > 0) return;
  const { environment } = current;
  current = undefined;
  environment.cpuMemory.close();
  environment.env.close();
}
