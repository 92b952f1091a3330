/** What may be sent as an image, and how much of it. */

export interface ImageOptions {
  /** Images in a request. */
  readonly maxImages: number;
  /** Characters of all base64 images of a request together. */
  readonly maxBase64Bytes: number;
  /** Bytes of one fetched image, after decompression if the server compresses though it is asked not to. */
  readonly maxFetchBytes: number;
  /** From the first look-up to the last byte, all redirects included. */
  readonly fetchTimeoutMs: number;
  readonly maxRedirects: number;
  /** Pixels of one image, read from its header before anything is decoded. */
  readonly maxPixels: number;
  /** Pixels of all images of a request together: what is held in memory at 3 bytes each. */
  readonly maxTotalPixels: number;
  /** Hosts that may be fetched from: `example.com` is that host, `*.example.com` its subdomains. Empty allows every public host. */
  readonly allowedHosts: readonly string[];
  /** Lifts the rule that only public addresses may be fetched from. */
  readonly allowPrivateNetworks: boolean;
}

export const imageDefaults: ImageOptions = {
  maxImages: 30,
  maxBase64Bytes: 10 * 1024 * 1024,
  maxFetchBytes: 5 * 1024 * 1024,
  fetchTimeoutMs: 5000,
  maxRedirects: 3,
  maxPixels: 40e6,
  maxTotalPixels: 160e6,
  allowedHosts: [],
  allowPrivateNetworks: false,
};
