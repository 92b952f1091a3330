/** Validates values against JSON schemas with the validator that Fastify brings, formats included. */
import Fastify from 'fastify';
import type { JsonSchema } from './random-schema.ts';

export async function jsonValidator(): Promise<(schema: JsonSchema, value: unknown) => boolean> {
  const app = Fastify({
    ajv: { customOptions: { coerceTypes: false, useDefaults: false, removeAdditional: false, strict: false, validateFormats: true } },
  });
  // Fastify makes its compiler when a route has a schema.
  app.post('/', { schema: { body: { type: 'object' } } }, async () => '');
  await app.ready();
  return (schema, value) => {
    const validate = app.validatorCompiler?.({ schema, method: 'POST', url: '/' });
    if (validate === undefined) throw new Error('Fastify has no validator.');
    return validate(value) === true;
  };
}
