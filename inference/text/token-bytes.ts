/** The bytes that each token adds to a text: a character may be spread over several tokens, so a token need not be valid UTF-8. */
import { isObject } from '../json-file.ts';
import { byteOfCharacter, createDecoder } from './token-decoder.ts';

const utf8 = new TextEncoder();

/**
 * @param decoder `decoder` of a `tokenizer.json`
 * @returns a function from the vocabulary's spelling of a token (`▁the`, `Ġthe`, `<0x0A>`) to its bytes inside of a text; at
 *   the beginning a decoder may drop a space more
 */
export function tokenBytes(decoder: unknown): (token: string) => Uint8Array {
  const steps = flatten(decoder);
  const kinds = steps.map((step) => (isObject(step) ? step['type'] : undefined));
  if (kinds.includes('ByteLevel')) return byteLevel;
  const bytes = kinds.includes('ByteFallback');
  const fuse = kinds.indexOf('Fuse');
  // What follows the fusion works on the text as a whole.
  const perToken = (fuse < 0 ? steps : steps.slice(0, fuse)).filter((step) => isObject(step) && step['type'] !== 'ByteFallback');
  const decodeSteps = perToken.map(createDecoder);
  return (token) => {
    const byte = bytes ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1] : undefined;
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    // Behind an empty token it is not the first one, of which some steps drop the space.
    return utf8.encode(decodeSteps.reduce((text, step) => step(['', text])[1] ?? '', token));
  };
}

function byteLevel(token: string): Uint8Array {
  const mapped = Array.from(token, (character) => byteOfCharacter.get(character));
  return mapped.every((byte) => byte !== undefined) ? Uint8Array.from(mapped) : utf8.encode(token);
}

function flatten(decoder: unknown): unknown[] {
  if (isObject(decoder) && decoder['type'] === 'Sequence' && Array.isArray(decoder['decoders']))
    return decoder['decoders'].flatMap(flatten);
  return decoder === null || decoder === undefined ? [] : [decoder];
}
