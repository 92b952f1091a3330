/** The only door to inference: everything that other folders, or a program that uses this as a library, may import. */
export { createEmbeddedBackend, defaultImageCacheBytes, type EmbeddedBackendOptions } from './backend/embedded.ts';
export * from './errors.ts';
export type * from './types.ts';
