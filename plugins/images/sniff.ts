/** Tells an image's format from its first bytes, whatever it was declared to be. */

/** `sharp` formats by the name that sharp gives them, and those that are decoded here. */
export type ImageFormat = 'png' | 'jpeg' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp' | 'pnm';

const latin1 = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** ISO base media: the major brand or a compatible one says AVIF. HEIC, its sibling, cannot be decoded. */
function isAvif(bytes: Uint8Array): boolean {
  if (latin1(bytes, 4, 8) !== 'ftyp') return false;
  const size = Math.min(bytes.length, new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0), 256);
  for (let at = 8; at + 4 <= size; at += at === 8 ? 8 : 4) if (/^avi[fs]$/.test(latin1(bytes, at, at + 4))) return true;
  return false;
}

const signatures: readonly (readonly [ImageFormat, (bytes: Uint8Array) => boolean])[] = [
  ['png', (bytes) => latin1(bytes, 0, 8) === '\x89PNG\r\n\x1a\n'],
  ['jpeg', (bytes) => latin1(bytes, 0, 3) === '\xff\xd8\xff'],
  ['gif', (bytes) => /^GIF8[79]a/.test(latin1(bytes, 0, 6))],
  ['webp', (bytes) => latin1(bytes, 0, 4) === 'RIFF' && latin1(bytes, 8, 12) === 'WEBP'],
  ['tiff', (bytes) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(latin1(bytes, 0, 4))],
  ['avif', isAvif],
  ['bmp', (bytes) => latin1(bytes, 0, 2) === 'BM'],
  ['pnm', (bytes) => /^P[1-6][\s#]/.test(latin1(bytes, 0, 3))],
];

/** @returns null for everything else, SVG included */
export function sniffFormat(bytes: Uint8Array): ImageFormat | null {
  if (bytes.length < 12) return signatures.find(([format, matches]) => format === 'pnm' && matches(bytes))?.[0] ?? null;
  return signatures.find(([, matches]) => matches(bytes))?.[0] ?? null;
}
