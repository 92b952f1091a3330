/** Fetches an image from a URL that a stranger chose. */
import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, type Dispatcher, request } from 'undici';
import { isAllowedHost, isPublicAddress } from './address.ts';
import { ImageFetchFailed, ImageFetchTimeout, ImageTooLarge, ImageUrlNotAllowed, InvalidImageUrl } from './errors.ts';
import type { ImageOptions } from './options.ts';

interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

type FetchLimits = Pick<ImageOptions, 'maxFetchBytes' | 'fetchTimeoutMs' | 'maxRedirects' | 'allowedHosts' | 'allowPrivateNetworks'>;

export interface FetchOptions extends FetchLimits {
  /** Default: the system's resolver. */
  readonly resolve?: Resolver;
  /** Which addresses may be connected to. Default: {@link isPublicAddress}. */
  readonly isAllowedAddress?: (address: string) => boolean;
}

const systemResolver: Resolver = (hostname) => dnsLookup(hostname, { all: true });

/** Servers are asked for no encoding; these are undone all the same if they come. */
const decompressors: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * The bytes at `url`. A host name is resolved once a hop, all its addresses are judged, and the connection goes to one of
 * those, so that nobody can answer differently the second time. Proxies of the environment are not used.
 * @throws InvalidImageUrl, ImageUrlNotAllowed, ImageFetchFailed, ImageFetchTimeout, ImageTooLarge; the signal's reason
 */
export async function fetchImage(url: string, options: FetchOptions, param: string | null, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), options.fetchTimeoutMs);
  const either = AbortSignal.any([signal, deadline.signal]);
  try {
    return await followRedirects(url, options, param, either);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (deadline.signal.aborted) throw new ImageFetchTimeout(options.fetchTimeoutMs, param);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function followRedirects(first: string, options: FetchOptions, param: string | null, signal: AbortSignal): Promise<Uint8Array> {
  let url = parseUrl(first, param);
  for (let hops = 0; ; hops++) {
    const answer = await fetchOnce(url, options, param, signal);
    if (!('location' in answer)) return answer;
    if (hops === options.maxRedirects) throw new ImageFetchFailed(`more than ${options.maxRedirects} redirects`, param);
    url = redirected(url, answer.location, param);
  }
}

function parseUrl(text: string, param: string | null): URL {
  if (!URL.canParse(text)) throw new InvalidImageUrl('The image URL is not valid; send an http(s) URL or a data: URI.', param);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new InvalidImageUrl('The image URL must begin with http:, https:, data: or attachment:.', param);
  }
  if (url.username !== '' || url.password !== '') throw new InvalidImageUrl('The image URL must not hold a user name or password.', param);
  return url;
}

function redirected(from: URL, location: string, param: string | null): URL {
  try {
    return parseUrl(new URL(location, from.href).href, param);
  } catch {
    throw new ImageFetchFailed('the server redirects to a URL that may not be followed', param);
  }
}

async function fetchOnce(
  url: URL,
  options: FetchOptions,
  param: string | null,
  signal: AbortSignal,
): Promise<Uint8Array | { location: string }> {
  const addresses = await judgedAddresses(url, options, param, signal);
  // Called by the socket instead of a look-up of its own.
  const lookup: LookupFunction = (_hostname, { all }, callback) => {
    const [one] = addresses;
    if (all) callback(null, [...addresses]);
    else if (one !== undefined) callback(null, one.address, one.family);
  };
  const agent = new Agent({
    connect: { lookup },
    connections: 1,
    pipelining: 0,
    maxRedirections: 0,
    maxHeaderSize: 16 * 1024,
  } as Agent.Options);
  try {
    const answer = await request(url, {
      dispatcher: agent,
      signal,
      headers: { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'firellava-gateway' },
    });
    // A body that is not read to its end fails when the agent is destroyed; nobody waits for it.
    answer.body.on('error', () => {});
    const { location } = answer.headers;
    if (redirects.has(answer.statusCode) && typeof location === 'string') return { location };
    if (answer.statusCode !== 200) throw new ImageFetchFailed(`the server answered with status ${answer.statusCode}`, param);
    return await readBody(answer, options.maxFetchBytes, param, signal);
  } catch (error) {
    if (error instanceof ImageFetchFailed || error instanceof ImageTooLarge) throw error;
    throw new ImageFetchFailed('the server could not be reached, or it broke off', param);
  } finally {
    await agent.destroy();
  }
}

async function judgedAddresses(
  url: URL,
  options: FetchOptions,
  param: string | null,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  if (options.allowedHosts.length > 0 && !isAllowedHost(hostname, options.allowedHosts)) throw new ImageUrlNotAllowed(param);
  const family = isIP(hostname);
  const addresses =
    family === 0 ? await resolve(hostname, options.resolve ?? systemResolver, param, signal) : [{ address: hostname, family }];
  const allowed = options.isAllowedAddress ?? isPublicAddress;
  if (!options.allowPrivateNetworks && !addresses.every(({ address }) => allowed(address))) throw new ImageUrlNotAllowed(param);
  return addresses;
}

/** A look-up cannot be stopped, but it need not be waited for. */
async function resolve(
  hostname: string,
  resolver: Resolver,
  param: string | null,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const addresses = await Promise.race([resolver(hostname), aborted]);
    if (addresses.length > 0) return addresses;
  } catch {
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  throw new ImageFetchFailed('its host name could not be resolved', param);
}

async function readBody(answer: Dispatcher.ResponseData, limit: number, param: string | null, signal: AbortSignal): Promise<Uint8Array> {
  if (Number(answer.headers['content-length'] ?? 0) > limit) throw ImageTooLarge.fetched(limit, param);
  const encoding = String(answer.headers['content-encoding'] ?? 'identity').toLowerCase();
  const decompressor = decompressors[encoding];
  if (decompressor === undefined && encoding !== 'identity')
    throw new ImageFetchFailed('the server sent an encoding that was not asked for', param);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const collect = async (source: AsyncIterable<Uint8Array>) => {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > limit) throw ImageTooLarge.fetched(limit, param);
      chunks.push(chunk);
    }
  };
  try {
    if (decompressor === undefined) await pipeline(answer.body, collect, { signal });
    else await pipeline(answer.body, decompressor(), collect, { signal });
  } catch (error) {
    // A decompressor that is cut short reports that, rather than why.
    throw bytes > limit ? ImageTooLarge.fetched(limit, param) : error;
  }
  return Buffer.concat(chunks);
}
