import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors/registry.js';

/** The body of every HTTP error. Never internal text, never a stack. */
export const HttpError = z.object({
  /** Public API: what to decide by. */
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  /** For people; it may change. */
  summary: z.string(),
  /** Machine-readable facts, without content or addresses. */
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.null()])),
  /** The call that the request became; `null` where it became none. */
  callId: z.string().nullable(),
  /** Whether the same request may succeed later without a change by anybody. */
  retryable: z.boolean(),
  /** The page of the code: what happened, whether anything moved, what to do. */
  docs: z.url(),
});

/** Answer of `GET /healthz`. */
export const Liveness = z.object({ status: z.literal('live') });

/** Answer of `GET /readyz`; 503 where it is not `ready`. */
export const ReadinessReport = z.object({
  status: z.enum(['ready', 'not-ready', 'draining']),
  /** By the name of the check. */
  checks: z.record(z.string(), z.enum(['ok', 'failing'])),
});

/** Public keys (RFC 7517). */
export const JsonWebKeys = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })) });

/** Metadata of a protected resource (RFC 9728). */
export const ResourceMetadata = z.object({
  resource: z.url(),
  authorization_servers: z.array(z.url()),
  scopes_supported: z.array(z.string()),
  bearer_methods_supported: z.array(z.string()),
  resource_name: z.string(),
});
