import { HTTP_HEADERS } from '@sallyport/contracts';
import type { z } from 'zod';
import { faultOfAnswer, malformedFault, offlineFault } from './api-fault.js';
import { csrfTokenInForce, renewSession } from './session.js';

/** What a query parameter may be; `undefined` and `''` are left out, and a list is the parameter several times. */
export type QueryParameters = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** A path of our own origin with its parameters. */
export const addressOf = (path: `/${string}`, query: QueryParameters = {}): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== '') parameters.append(name, String(one));
  return parameters.size === 0 ? path : `${path}?${parameters}`;
};

const fetchOrFault = async (address: string, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(address, { ...init, credentials: 'same-origin', redirect: 'error', cache: 'no-store' });
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw offlineFault(cause);
  }
};

/** Asks; where the session has just ended, renews it and asks once more. Throws an `ApiFault`. */
export const request = async (address: string, init: () => RequestInit | Promise<RequestInit>): Promise<Response> => {
  let response = await fetchOrFault(address, await init());
  if (response.status === 401 && (await renewSession())) response = await fetchOrFault(address, await init());
  if (!response.ok) throw await faultOfAnswer(response);
  return response;
};

const parsed = async <Schema extends z.ZodType>(schema: Schema, response: Response): Promise<z.infer<Schema>> => {
  const answer = schema.safeParse(await response.json().catch(() => undefined));
  if (!answer.success) throw malformedFault(answer.error);
  return answer.data;
};

/** Reads. The answer has the form of `schema`, or an `ApiFault` is thrown. */
export const read = async <Schema extends z.ZodType>(
  schema: Schema,
  path: `/${string}`,
  query?: QueryParameters,
  signal?: AbortSignal,
): Promise<z.infer<Schema>> =>
  parsed(schema, await request(addressOf(path, query), () => ({ ...(signal && { signal }), headers: { accept: 'application/json' } })));

/** How something is changed, and with what. */
export interface Change {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: `/${string}`;
  readonly body?: unknown;
}

const send = ({ method, path, body }: Change): Promise<Response> =>
  request(path, async () => ({
    method,
    headers: {
      accept: 'application/json',
      [HTTP_HEADERS.csrf]: await csrfTokenInForce(),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }));

/**
 * Changes something, and reads the answer. Never repeated by itself, except where the session had ended and so nothing was looked at.
 * Throws an `ApiFault`.
 */
export const change = async <Schema extends z.ZodType>(schema: Schema, what: Change): Promise<z.infer<Schema>> =>
  parsed(schema, await send(what));

/** Changes something where nothing is answered. Otherwise as `change`. */
export const changeOnly = async (what: Change): Promise<void> => {
  await send(what);
};
