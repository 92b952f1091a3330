/** Finds and loads the ONNX Runtime library that `onnxruntime-node` ships. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi, { type LibraryHandle } from 'koffi';

/** File names inside `onnxruntime-node/bin/napi-v6/<platform>/<arch>/`; the very file its own binding links to, so one process holds one copy. */
const fileNames: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

/**
 * Asynchronous calls run on a stack that koffi provides, 128 KiB unless told otherwise, too small for graph optimisation and
 * kernels. 8 MiB is what Linux gives a thread; pages are committed only when touched.
 */
const asyncStackBytes = 8 * 1024 * 1024;

/** @throws Error if there is no build for this platform, or the package is not installed */
export function runtimeLibraryPath(platform: NodeJS.Platform = process.platform, arch: string = process.arch): string {
  const fileName = fileNames[platform];
  if (fileName === undefined) throw new Error(`ONNX Runtime has no build for ${platform}; use linux, darwin or win32.`);
  const root = path.dirname(fileURLToPath(import.meta.resolve('onnxruntime-node/package.json')));
  return path.join(root, 'bin', 'napi-v6', platform, arch, fileName);
}

/**
 * The library would send its maker what it runs on and what it loads, and keep a number for the device in the home folder. It looks at
 * this variable when it is loaded, in the environment of the process itself, of which a thread other than the main one has a copy only.
 */
const noTelemetry = 'ORT_DISABLE_TELEMETRY';

/** @throws Error if the library is missing for this processor or cannot be loaded */
export function loadRuntimeLibrary(): LibraryHandle {
  process.env[noTelemetry] = '1';
  if ((koffi.config().async_stack_size ?? 0) < asyncStackBytes) koffi.config({ async_stack_size: asyncStackBytes });
  const file = runtimeLibraryPath();
  try {
    return koffi.load(file);
  } catch (error) {
    throw new Error(`ONNX Runtime for ${process.platform}-${process.arch} cannot be loaded from ${file}; reinstall onnxruntime-node.`, {
      cause: error,
    });
  }
}
