import type { z } from 'zod';
import type { ErrorCode } from '../errors/registry.js';

/** Scopes of people. A token of an agent may carry them too; what it may do is then no more than its person may. */
export const OFFICE_SCOPES = {
  /** Sees and answers requests for approval. */
  approve: 'sallyport:approve',
  /** Reads the record and the control state. */
  audit: 'sallyport:audit',
  /** Reads and changes the control state. */
  operate: 'sallyport:operate',
} as const;
export type OfficeScope = (typeof OFFICE_SCOPES)[keyof typeof OFFICE_SCOPES];

/** What a route is about: the headings of the reference. */
export type RouteArea =
  | 'Calls'
  | 'Record'
  | 'Approvals'
  | 'Budgets'
  | 'Catalog'
  | 'Policies'
  | 'Access'
  | 'Controls'
  | 'Session'
  | 'Settings'
  | 'Open';

/** One HTTP route as people and programs use it: what goes in, what comes out, who is let in, how it can fail. */
export interface HttpRoute {
  readonly area: RouteArea;
  /** A full sentence: what it does. */
  readonly summary: string;
  /** More, where a sentence is not enough. Markdown. */
  readonly description?: string;
  /** `open`: everybody. `token`: whoever has a token, about itself. `session`: the cookie of a console session. Else any one of these scopes. */
  readonly access: 'open' | 'token' | 'session' | readonly OfficeScope[];
  /** The parameters in its path, where they are more than any text. */
  readonly path?: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  /** Request headers beside those that every request may have. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** What it answers with 200. */
  readonly answer: z.ZodType;
  /** Other media types than `application/json`, with what they hold. */
  readonly stream?: string;
  /** Codes of its own, beside those that every route of its access has. */
  readonly errors?: readonly ErrorCode[];
}

/** A verb and a path as programs tell them: `GET /v1/approvals/:id`. */
export type RouteName = `${'GET' | 'PUT' | 'POST' | 'DELETE'} /${string}`;

/** What every route can answer. */
const ANY_ROUTE: readonly ErrorCode[] = ['internal.error'];
/** What every route behind a token can answer. */
const GUARDED: readonly ErrorCode[] = [
  'identity.token-missing',
  'identity.token-invalid',
  'identity.keys-unavailable',
  'request.host-refused',
  'request.origin-refused',
  'store.unavailable',
  'log.unavailable',
];
/** What every route behind the cookie of a session can answer. */
const IN_SESSION: readonly ErrorCode[] = [
  'console.session-missing',
  'console.cross-site',
  'request.host-refused',
  'request.origin-refused',
  'store.unavailable',
  'log.unavailable',
];
const WITH_BODY: readonly ErrorCode[] = [
  'request.invalid',
  'request.parse-error',
  'request.body-too-large',
  'request.unsupported-media-type',
  'request.timeout',
];

/** Every code a route can answer, sorted. */
export const errorsOf = (route: HttpRoute): readonly ErrorCode[] =>
  [
    ...new Set([
      ...ANY_ROUTE,
      ...(route.access === 'open' ? [] : route.access === 'session' ? IN_SESSION : GUARDED),
      ...(typeof route.access === 'string' ? [] : (['identity.forbidden'] as const)),
      ...(route.query === undefined ? [] : (['request.invalid'] as const)),
      ...(route.body === undefined ? [] : WITH_BODY),
      ...(route.errors ?? []),
    ]),
  ].sort();
