/** Which network addresses images may be fetched from: public ones. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Everything that IPv6 has assigned to public use lies here; `::127.0.0.1` and its like do not. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * True for a public unicast address. Private, loopback, link-local, shared (CGNAT), multicast, broadcast, unspecified,
 * documentation, benchmarking and reserved ranges are not, nor are the IPv6 forms that carry an IPv4 address
 * (mapped, compatible, NAT64, 6to4, Teredo), whatever address they carry.
 */
export function isPublicAddress(address: string): boolean {
  // ipaddr.js alone would also read `1.2.3`, which resolvers and sockets take for other things.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(globalUnicast);
}

/** `example.com` allows that host, `*.example.com` its subdomains. */
export function isAllowedHost(hostname: string, allowed: readonly string[]): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  return allowed.some((entry) => {
    const pattern = entry.toLowerCase();
    return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
  });
}
