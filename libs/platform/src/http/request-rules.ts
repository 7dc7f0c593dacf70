import type { IncomingMessage } from 'node:http';
import { AppError } from '@sallyport/contracts';

/** More than any client or proxy sends; Node drops silently what comes after its own limit. */
const HEADERS_MAX = 200;

/** Headers of which Node keeps the first and drops the rest, so that somebody before us may have gone by another. */
const SINGLE: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'origin']);

const NUL = '\u0000';

/**
 * Refuses what two readers may understand differently: `request.invalid` for a request without Host (RFC 9112, section 3.2), with two of a
 * header that occurs once or with a NUL in its address, `request.headers-too-large` for more than 200 headers.
 */
export const checkHead = ({ headers, rawHeaders, httpVersion, url = '' }: IncomingMessage): void => {
  if (rawHeaders.length > HEADERS_MAX * 2) throw new AppError('request.headers-too-large', `more than ${HEADERS_MAX} headers`);
  if (headers.host === undefined && httpVersion !== '1.0') throw new AppError('request.invalid', 'there is no Host header');
  if (url.includes('%00')) throw new AppError('request.invalid', 'there is a NUL in the address');
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) throw new AppError('request.invalid', 'a header that occurs once is there twice');
    seen.add(name);
  }
};

/** Deeper than any body of an API here; what is deeper could only end the recursion of whoever looks at it. */
const BODY_DEPTH_MAX = 64;

const holdsNul = (value: unknown, depth: number): boolean => {
  if (typeof value === 'string') return value.includes(NUL);
  if (typeof value !== 'object' || value === null) return false;
  if (depth === BODY_DEPTH_MAX) throw new AppError('request.invalid', 'the body is nested too deeply');
  return Object.entries(value).some(([name, member]) => name.includes(NUL) || holdsNul(member, depth + 1));
};

/** Throws `request.invalid` for a parsed body that is nested deeper than 64 levels, or has a NUL in a text, which no table can hold. */
export const checkBody = (body: unknown): void => {
  if (holdsNul(body, 0)) throw new AppError('request.invalid', 'there is a NUL in the body');
};
