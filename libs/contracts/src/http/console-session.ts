import { z } from 'zod';
import { Id, Instant, TenantId } from '../values.js';

/**
 * What a person may do in the console, as their identity provider says it. Scopes follow from roles: `viewer` reads (`sallyport:audit`),
 * `approver` also answers requests (`sallyport:approve`), `operator` also changes controls (`sallyport:operate`), `admin` all three; and never
 * more than the configuration gives the person.
 */
export const ConsoleRole = z.enum(['viewer', 'approver', 'operator', 'admin']);
export type ConsoleRole = z.infer<typeof ConsoleRole>;

/** A path of the console's own to go to after the login: nothing that a browser could take for another site. */
export const ConsoleReturnPath = z
  .string()
  .max(2048)
  .regex(/^\/console(\/[\x21-\x5b\x5d-\x7e]*|\?[\x21-\x5b\x5d-\x7e]*)?$/)
  .refine((path) => !path.includes('//'));

/**
 * Query of `GET /console/session/login`: the browser goes there itself (no fetch), is sent to the identity provider, and comes back to `return`.
 * Where that fails it comes back to `/console/login?reason=` and one of `ConsoleLoginFault`.
 */
export const ConsoleLoginQuery = z.object({ return: ConsoleReturnPath.default('/console/') });
export type ConsoleLoginQuery = z.infer<typeof ConsoleLoginQuery>;

/**
 * Why a login came to nothing: `not-configured` (no identity provider is named), `provider-unavailable` (it cannot be reached or answers
 * wrongly), `refused` (it, or the person, said no), `expired` (begun too long ago, in another browser, or used before), `no-tenant` (it names no
 * tenant that is served here).
 */
export const ConsoleLoginFault = z.enum(['not-configured', 'provider-unavailable', 'refused', 'expired', 'no-tenant']);
export type ConsoleLoginFault = z.infer<typeof ConsoleLoginFault>;

/**
 * Answer of `GET /console/session` and of `POST /console/session/renew`; `401 console.session-missing` where there is none. Both also set the
 * cookie that `/v1/*` accepts until `renewBefore`.
 */
export const ConsoleSession = z.object({
  /** `user:<sub>`, as on record. */
  subject: Id,
  /** For people; as the identity provider says it, so show it as a stranger's text. */
  name: z.string().max(256),
  tenantId: TenantId,
  roles: z.array(ConsoleRole),
  /** What `/v1/*` will let this person do: show nothing as possible that needs another. */
  scopes: z.array(z.string().max(128)),
  /** Goes into the header `Sallyport-Csrf` of every POST, PUT, PATCH and DELETE, here and at `/v1/*`. The same for the life of the session. */
  csrfToken: z.string().min(32).max(64),
  /** The session ends then at the latest, and before when nothing renews it. */
  expiresAt: Instant,
  /** Renew before: at most 60 s ahead. A stream of `/v1/*` that is open then is cut and has to be opened again (`Last-Event-ID` goes on). */
  renewBefore: Instant,
});
export type ConsoleSession = z.infer<typeof ConsoleSession>;

/** Body of `POST /console/session/logout`. */
export const ConsoleLogoutBody = z.strictObject({
  /** Ends every session of this person in this tenant. */
  everywhere: z.boolean().default(false),
});
export type ConsoleLogoutBody = z.infer<typeof ConsoleLogoutBody>;

/** Answer of `POST /console/session/logout`: the session is over. */
export const ConsoleLogout = z.object({
  /** Where the browser should go to end the session at the identity provider too; `null` where that offers no such address. */
  providerLogoutUrl: z.url().nullable(),
});
export type ConsoleLogout = z.infer<typeof ConsoleLogout>;

/** Query of `GET /console/sessions`. */
export const ConsoleSessionsQuery = z.strictObject({
  /** `tenant`: of everybody, for operators (`sallyport:operate`). */
  of: z.enum(['me', 'tenant']).default('me'),
  cursor: z.string().max(256).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type ConsoleSessionsQuery = z.infer<typeof ConsoleSessionsQuery>;

/** A session that lives. */
export const OpenConsoleSession = z.object({
  id: Id,
  subject: Id,
  name: z.string().max(256),
  openedAt: Instant,
  lastSeenAt: Instant,
  expiresAt: Instant,
  /** What the browser called itself; a stranger's text. */
  browser: z.string().max(256),
  /** Whether it is the one that asks. */
  isCurrent: z.boolean(),
});
export type OpenConsoleSession = z.infer<typeof OpenConsoleSession>;

/** Answer of `DELETE /console/sessions/{id}`: it is over. */
export const EndedConsoleSession = z.object({ ended: Id });
export type EndedConsoleSession = z.infer<typeof EndedConsoleSession>;

/** Answer of `GET /console/sessions`: the latest opened first. */
export const OpenConsoleSessions = z.object({ sessions: z.array(OpenConsoleSession), nextCursor: z.string().nullable() });
export type OpenConsoleSessions = z.infer<typeof OpenConsoleSessions>;
