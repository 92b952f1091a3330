/** `POST /v1/completions`: raw prompts in, their continuations out. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { GenerationEvent } from '../../../inference/types.ts';
import { recorded } from '../../../plugins/request-record.ts';
import { generateAll } from '../generation/generate-all.ts';
import { dropNulls } from '../generation/nulls.ts';
import { checkParameters, completionRules, ignoredHeader } from '../generation/parameters.ts';
import { answerContext } from '../generation/response.ts';
import { scoreLimit } from '../generation/score-limit.ts';
import { checkCompletion, choicesOf, completionRequests, imageReferences } from './request.ts';
import { completion, completionChunks } from './response.ts';
import { Completion, CompletionBody, completionProperties } from './schema.ts';

export const completions: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/v1/completions',
    {
      config: { inference: true },
      schema: { body: CompletionBody, response: { 200: Completion } },
      preValidation: async ({ body }) => dropNulls(body),
    },
    async (request, reply) => {
      const { body, clientSignal, record } = request;
      const model = app.findModel(body.model);
      record.model = body.model;
      const ignored = checkParameters(body, completionProperties, completionRules);
      checkCompletion(body);

      const images = await app.images.normalise(imageReferences(body), { attachments: new Map(), signal: clientSignal });
      const requestId = body.request_id ?? request.id;
      const requests = completionRequests(body, images, requestId);
      const collectsScores = !body.stream && body.logprobs !== undefined;
      const limited = collectsScores ? scoreLimit() : (events: AsyncIterable<GenerationEvent>) => events;
      const events = generateAll(requests, (each, signal) => limited(recorded(app.backend.generate(each, signal), record)), clientSignal);
      const context = answerContext('cmpl', requestId, body.model, model);
      const options = {
        ...choicesOf(body),
        prompts: requests.length,
        echo: body.echo ?? false,
        logprobs: body.logprobs !== undefined,
        promptOnly: body.max_tokens === 0,
      };

      reply.headers(ignoredHeader(ignored));
      if (body.stream) {
        return reply.sse(completionChunks(events, context, { ...options, includeUsage: body.stream_options?.include_usage ?? false }));
      }
      return completion(events, context, options);
    },
  );
};
