/** `POST /v1/chat/completions`: a conversation with pictures in, the next turn out. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { recorded } from '../../../plugins/request-record.ts';
import { dropNulls } from '../generation/nulls.ts';
import { chatRules, checkParameters, ignoredHeader } from '../generation/parameters.ts';
import { answerContext } from '../generation/response.ts';
import { scoreLimit } from '../generation/score-limit.ts';
import { chatRequest, checkChat, imageReferences } from './request.ts';
import { chatChunks, chatCompletion } from './response.ts';
import { ChatBody, ChatCompletion, chatProperties } from './schema.ts';

export const chatCompletions: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/v1/chat/completions',
    {
      config: { inference: true },
      schema: { body: ChatBody, response: { 200: ChatCompletion } },
      preValidation: async ({ body }) => dropNulls(body),
    },
    async (request, reply) => {
      const { body, clientSignal, record } = request;
      const model = app.findModel(body.model);
      record.model = body.model;
      const ignored = checkParameters(body, chatProperties, chatRules);
      checkChat(body);

      const images = await app.images.normalise(imageReferences(body), { attachments: request.attachments, signal: clientSignal });
      const generation = chatRequest(body, images, body.request_id ?? request.id);
      const events = recorded(app.backend.generate(generation, clientSignal), record);
      const context = answerContext('chatcmpl', generation.requestId, body.model, model);

      reply.headers(ignoredHeader(ignored));
      if (body.stream) {
        return reply.sse(chatChunks(events, context, { n: generation.n, includeUsage: body.stream_options?.include_usage ?? false }));
      }
      return chatCompletion(body.logprobs ? scoreLimit()(events) : events, context, { n: generation.n, logprobs: body.logprobs ?? false });
    },
  );
};
