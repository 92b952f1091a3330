/** One of several objects told apart by the constant in their `tag` member; unlike a plain union, a mismatch names one field. */
import { type Static, type TObject, Type } from 'typebox';

export function taggedUnion<const Variants extends readonly TObject[]>(tag: string, variants: Variants) {
  return Type.Unsafe<Static<Variants[number]>>({ type: 'object', oneOf: variants, discriminator: { propertyName: tag } });
}
