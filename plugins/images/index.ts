/** Decorates the application with what turns image references into pixels. */
import fp from 'fastify-plugin';
import type { Resolver } from './fetch.ts';
import { createNormaliser, type ImageNormaliser } from './normalise.ts';
import { type ImageOptions, imageDefaults } from './options.ts';

declare module 'fastify' {
  interface FastifyInstance {
    readonly images: ImageNormaliser;
  }
}

export interface ImagePluginOptions extends Partial<ImageOptions> {
  /** Looks up host names; the system's resolver unless given. */
  readonly resolve?: Resolver;
}

export default fp<ImagePluginOptions>(
  async (app, { resolve, ...options }) => {
    app.decorate('images', createNormaliser({ ...imageDefaults, ...options }, resolve));
  },
  { name: 'images', fastify: '5.x' },
);
