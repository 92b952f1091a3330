/** `GET /v1/models` and `/v1/models/{id}`: what can be asked, also while it loads. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { modelObjects } from './response.ts';
import { ModelList, ModelObject, ModelParams } from './schema.ts';

export const models: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/v1/models', { schema: { response: { 200: ModelList } } }, async () => ({
    object: 'list' as const,
    data: app.backend.models().flatMap(modelObjects),
  }));

  // A wildcard, as ids may hold slashes, written as such or percent-encoded.
  app.get('/v1/models/*', { schema: { params: ModelParams, response: { 200: ModelObject } } }, async ({ params, record }) => {
    const id = params['*'];
    const model = app.findModel(id);
    record.model = id;
    return modelObjects(model).find((object) => object.id === id);
  });
};
