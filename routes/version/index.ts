/** `GET /version`: which release answers. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';

const Version = Type.Object({ version: Type.String() });

export const version: FastifyPluginAsyncTypebox<{ readonly version: string }> = async (app, options) => {
  app.get('/version', { schema: { response: { 200: Version } } }, async () => ({ version: options.version }));
};
