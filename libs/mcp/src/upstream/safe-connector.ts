import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';

/** Where machines are told their own credentials (cloud metadata), and nothing else that a tool server could be: link-local, and AWS's IPv6 address. */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4');
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6');

const isForbidden = (address: string): boolean => {
  const family = isIP(address);
  return family !== 0 && FORBIDDEN.check(address, family === 4 ? 'ipv4' : 'ipv6');
};

const forbidden = (host: string): Error => new Error(`${host} is a link-local or metadata address`);

/** Looks names up, and fails for those that mean a forbidden address, whatever else they mean. */
export const safeLookup =
  (lookup: LookupFunction = systemLookup): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, options, (error, found, family) => {
      const addresses: readonly (string | LookupAddress)[] = Array.isArray(found) ? found : [found];
      const isRefused = error === null && addresses.some((one) => isForbidden(typeof one === 'string' ? one : one.address));
      callback(isRefused ? forbidden(hostname) : error, found, family);
    });

/**
 * Connects to upstreams, but never to a link-local or metadata address, by number or by name: whoever answers for a name must not turn the gateway
 * against the machine it runs on.
 */
export const safeConnector = (timeoutMs: number, lookup: LookupFunction = safeLookup()): buildConnector.connector => {
  const connect = buildConnector({ timeout: timeoutMs, lookup });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isForbidden(host)) callback(forbidden(host), null);
    else connect(options, callback);
  };
};
