/** Memory that can be seen at several addresses at once: pages of a file without a name, mapped as often as wanted. */
import koffi from 'koffi';
import { NativeHandle, type Pointer } from './handles.ts';
import { NativeMemory } from './tensor.ts';

/** Functions of the C library, on Linux. Flags have these values on every architecture that the runtime is built for. */
interface System {
  memfd_create(name: string, flags: number): number;
  ftruncate(file: number, bytes: number): number;
  mmap(address: Pointer | null, bytes: number, protection: number, flags: number, file: number, offset: number): Pointer;
  munmap(address: Pointer, bytes: number): number;
  close(file: number): number;
  getpagesize(): number;
}

const closeOnExec = 1;
const protection = { none: 0, readWrite: 3 } as const;
const mapping = { shared: 0x01, private: 0x02, fixed: 0x10, anonymous: 0x20, noReserve: 0x4000 } as const;
const failed = 2n ** 64n - 1n;

let system: System | null | undefined;

/** The functions, or null where they cannot be had. */
function loadSystem(): System | null {
  if (system !== undefined) return system;
  system = null;
  if (process.platform !== 'linux') return system;
  try {
    const library = koffi.load('libc.so.6');
    const functions: Record<keyof System, string> = {
      memfd_create: 'int memfd_create(const char *name, unsigned int flags)',
      ftruncate: 'int ftruncate(int file, int64_t bytes)',
      mmap: 'void *mmap(void *address, size_t bytes, int protection, int flags, int file, int64_t offset)',
      munmap: 'int munmap(void *address, size_t bytes)',
      close: 'int close(int file)',
      getpagesize: 'int getpagesize()',
    };
    const os = Object.fromEntries(
      Object.entries(functions).map(([name, prototype]) => [name, library.func(prototype)]),
    ) as unknown as System;
    // A sandbox may forbid it.
    const file = os.memfd_create('trial', closeOnExec);
    if (file >= 0 && os.close(file) === 0) system = os;
  } catch {
    // Another C library: everything works without, but for what needs several addresses.
  }
  return system;
}

/** Bytes of a page, which is what can be shown elsewhere, or null where nothing can. */
export function pageBytes(): number | null {
  return loadSystem()?.getpagesize() ?? null;
}

function map(os: System, address: Pointer | null, bytes: number, access: number, flags: number, file: number, offset = 0): Pointer {
  const mapped = os.mmap(address, bytes, access, flags, file, offset);
  if (mapped === failed) throw new RangeError(`The system cannot give ${bytes} bytes of address space.`);
  return mapped;
}

/** Zeroed memory; a page costs nothing until it is written or read. Whoever made it closes it, when nobody looks at it any more. */
export class SharedPages {
  /** At its first address. */
  readonly memory: NativeMemory;
  readonly #os: System;
  readonly #file: number;
  readonly #mapped: NativeHandle[] = [];

  /** @throws RangeError if the machine cannot give that much, or nothing can be shared here, see {@link pageBytes} */
  constructor(byteLength: number) {
    const os = loadSystem();
    if (os === null) throw new RangeError('Memory cannot be shared between addresses on this system.');
    this.#os = os;
    this.#file = os.memfd_create('key-value cache', closeOnExec);
    if (this.#file < 0) throw new RangeError(`The system gives no memory of ${byteLength} bytes to share.`);
    try {
      if (!Number.isSafeInteger(byteLength) || os.ftruncate(this.#file, byteLength) !== 0) {
        throw new RangeError(`The system gives no memory of ${byteLength} bytes to share.`);
      }
      this.memory = this.#own(map(os, null, byteLength, protection.readWrite, mapping.shared, this.#file), byteLength);
    } catch (error) {
      os.close(this.#file);
      throw error;
    }
  }

  /**
   * A range of addresses that shows nothing yet.
   * @throws RangeError if there is no room for it
   */
  reserve(byteLength: number): NativeMemory {
    const flags = mapping.private | mapping.anonymous | mapping.noReserve;
    return this.#own(map(this.#os, null, byteLength, protection.none, flags, -1), byteLength);
  }

  /**
   * Shows `byteLength` bytes from `from` on at the place `at` of a reserved range; all are whole pages.
   * @throws RangeError if the system has no more mappings to give
   */
  show(range: NativeMemory, at: number, from: number, byteLength: number): void {
    const flags = mapping.shared | mapping.fixed;
    map(this.#os, range.address + BigInt(at), byteLength, protection.readWrite, flags, this.#file, from);
  }

  /** Takes the memory from all of its addresses. Idempotent. */
  close(): void {
    if (this.#mapped.length === 0) return;
    for (const handle of this.#mapped.splice(0)) handle.close();
    this.#os.close(this.#file);
  }

  #own(address: Pointer, byteLength: number): NativeMemory {
    this.#mapped.push(new NativeHandle('mapping', address, (pointer) => this.#os.munmap(pointer, byteLength)));
    return NativeMemory.at(address, byteLength);
  }
}
