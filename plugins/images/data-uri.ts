/** Reads base64 `data:` URIs. What they declare their content to be is not looked at: the bytes decide. */
import { InvalidImageUrl } from './errors.ts';

/** The base64 text of a `data:` URI, or null if it is no such URI. */
export function base64Of(url: string): string | null {
  const comma = url.indexOf(',');
  if (comma < 0 || !/^\s*data:/i.test(url)) return null;
  return /;\s*base64\s*$/i.test(url.slice(0, comma)) ? url.slice(comma + 1) : null;
}

/** @throws InvalidImageUrl if the text is not base64 */
export function decodeBase64(text: string, param: string | null): Uint8Array {
  const invalid = () => new InvalidImageUrl('The data: URI does not hold valid base64.', param);
  let base64 = text;
  if (base64.includes('%')) {
    try {
      base64 = decodeURIComponent(base64);
    } catch {
      throw invalid();
    }
  }
  if (/\s/.test(base64)) base64 = base64.replace(/\s+/g, '');
  const end = base64.endsWith('==') ? base64.length - 2 : base64.endsWith('=') ? base64.length - 1 : base64.length;
  const bytes = Buffer.from(base64, 'base64');
  // Node's decoder passes over what is not base64, and so gives fewer bytes.
  if (end === 0 || end % 4 === 1 || bytes.length !== Math.floor((end * 3) / 4)) throw invalid();
  return bytes;
}
