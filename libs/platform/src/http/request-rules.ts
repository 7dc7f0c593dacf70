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

const textsOf = function* (value: unknown, depthMax: number): Generator<string> {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value === 'string') yield next.value;
    if (typeof next.value !== 'object' || next.value === null) continue;
    if (next.depth === depthMax) throw new AppError('request.invalid', 'nested too deeply');
    for (const [name, member] of Object.entries(next.value)) {
      yield name;
      open.push({ value: member, depth: next.depth + 1 });
    }
  }
};

/** Whether a name or a text within a JSON value holds a NUL. Throws `request.invalid` beyond `depthMax` levels. */
export const holdsNul = (value: unknown, depthMax: number = Number.POSITIVE_INFINITY): boolean => {
  for (const text of textsOf(value, depthMax)) if (text.includes(NUL)) return true;
  return false;
};

/** Throws `request.invalid` for a parsed body that is nested deeper than 64 levels, or has a NUL in a text, which no table can hold. */
export const checkBody = (body: unknown): void => {
  if (holdsNul(body, BODY_DEPTH_MAX)) throw new AppError('request.invalid', 'there is a NUL in the body');
};
