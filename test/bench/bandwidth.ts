/** How fast this machine reads memory: the C library's `memchr` over a block that no cache holds, for a byte that is not there. */
import koffi from 'koffi';
import { median } from './statistics.ts';

const blockBytes = 256 * 2 ** 20;

/**
 * All threads read at once, each a block of its own; `memchr` of the C library reads with the widest registers there are and writes nothing.
 * @returns bytes a second, the median of `repeats`
 */
export async function readBandwidth(threads: number, repeats: number): Promise<number> {
  const library = koffi.load(process.platform === 'darwin' ? 'libSystem.dylib' : 'libc.so.6');
  const memchr = library.func('void *memchr(const void *block, int byte, size_t bytes)');
  const blocks = Array.from({ length: threads }, () => Buffer.alloc(blockBytes, 1));
  const read = (block: Buffer) =>
    new Promise<void>((resolve, reject) => {
      memchr.async(block, 0, blockBytes, (error: Error | null) => (error === null ? resolve() : reject(error)));
    });
  const rates: number[] = [];
  for (let i = 0; i <= repeats; i++) {
    const start = performance.now();
    await Promise.all(blocks.map(read));
    if (i > 0) rates.push((1000 * threads * blockBytes) / (performance.now() - start));
  }
  return median(rates);
}
