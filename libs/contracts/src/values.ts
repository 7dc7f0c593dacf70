import { z } from 'zod';

/** Identifiers are bounded so that no stranger chooses the size of a row. */
export const Id = z.string().min(1).max(256);
export const TenantId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
/** RFC 3339 in UTC with milliseconds. */
export const Instant = z.iso.datetime({ precision: 3 });
/** Keyed digest (HMAC-SHA-256, base64url): a plain hash of a phone number is a phone number. */
export const KeyedDigest = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
/** `sha256:` and 64 hexadecimal digits, over a canonical form that holds no personal data. */
export const PlainDigest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** W3C Trace Context, version 00. */
export const Traceparent = z.string().regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
/** Money: integer millionths of `currency`; unknown is `null`, never 0. */
export const AmountMicros = z.number().int().nonnegative();
export const Currency = z.string().regex(/^[A-Z]{3}$/);
/** `server/tool`, the stable name of a tool in policies, REST, the CLI and records. */
export const ToolId = z.string().min(3).max(400);
export const ServerName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/);

/** Any JSON value, already parsed by a bounded parser. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export const JsonValue: z.ZodType<Json> = z.custom<Json>((value) => value !== undefined);

export const RiskTier = z.enum(['read', 'write-low', 'write-high']);
export type RiskTier = z.infer<typeof RiskTier>;
export const Lifecycle = z.enum(['draft', 'active', 'deprecated', 'retired']);
export type Lifecycle = z.infer<typeof Lifecycle>;

/** The verified pair a decision is about, with what the token said of it. Every field was read from a verified token or the configuration. */
export const Principal = z.object({
  /** `user:<sub>`, or `service:<sub>` where nobody stands behind the token. */
  subject: Id,
  /** The agents acting, the one that calls first (RFC 8693 `act`, outermost first): `agent:<id>`. */
  actors: z.array(Id).max(8),
  tenantId: TenantId,
  issuer: z.string().max(2048),
  scopes: z.array(z.string().max(128)).max(128),
  /** `interactive`, `autonomous` or what the issuer says in `sallyport_mode`. */
  mode: z.string().max(64),
  clientId: z.string().max(2048).nullable(),
  environment: z.string().max(64),
  /** The label the configuration gives the issuer of the token. */
  tokenSource: z.string().max(64),
  /** The workflow claim verified in the token; `null` when the token carries none. */
  workflow: z.string().max(256).nullable(),
  /** `jti` of the token, so that one token can be revoked; absent or `null` when it carries none. */
  tokenId: z.string().max(256).nullable().optional(),
});
export type Principal = z.infer<typeof Principal>;

/** What one call costs, by which price list, and the budgets it counts to. */
export const CallPrice = z.object({
  amountMicros: AmountMicros,
  currency: Currency,
  accounts: z.array(Id).max(32),
  priceListVersion: Id,
});
export type CallPrice = z.infer<typeof CallPrice>;

/** What a request is aimed at. */
export const Target = z.object({
  kind: z.enum(['tool', 'prompt', 'resource', 'server', 'gateway']),
  server: z.string().max(64).nullable(),
  name: z.string().max(2048).nullable(),
});
export type Target = z.infer<typeof Target>;

/** A tool as the catalog pinned it when the call was made. */
export const ToolReference = z.object({ id: ToolId, definitionDigest: PlainDigest, version: z.string().max(64), riskTier: RiskTier });
export type ToolReference = z.infer<typeof ToolReference>;

/** A label that the content detectors put on data, e.g. `pii.email`. */
export const ContentLabel = z
  .string()
  .regex(/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$/)
  .max(64);
/** One masked place: where and what, never the value. */
export const Redaction = z.object({
  path: z.string().max(1024),
  label: ContentLabel,
  detector: z.string().max(64),
  count: z.number().int().positive(),
});
export type Redaction = z.infer<typeof Redaction>;

/** What the agent says of itself. Recorded as claimed, never decided upon as truth. */
export const Claimed = z.object({
  model: z.string().max(256).nullable(),
  prompt: z.string().max(4096).nullable(),
  intent: z.string().max(1024).nullable(),
  workflow: z.string().max(256).nullable(),
  session: z.string().max(256).nullable(),
  client: z.string().max(256).nullable(),
});
export type Claimed = z.infer<typeof Claimed>;

/** What the enforcement point must do or refuse. One it does not know is a denial. */
export const Obligation = z.discriminatedUnion('type', [
  z.object({ type: z.literal('mask-arguments'), labels: z.array(ContentLabel).max(64) }),
  z.object({ type: z.literal('mask-result'), labels: z.array(ContentLabel).max(64) }),
  z.object({ type: z.literal('require-approval'), ruleIds: z.array(Id).max(64) }),
  z.object({ type: z.literal('dry-run') }),
  z.object({ type: z.literal('taint'), labels: z.array(ContentLabel).max(64) }),
]);
export type Obligation = z.infer<typeof Obligation>;

/** What is known of a request when it is put on record. */
export const RequestFacts = z.object({
  principal: Principal,
  transport: z.enum(['mcp', 'rest', 'internal']),
  /** The revision of the protocol the client speaks; `null` for REST. */
  protocolVersion: z.string().max(32).nullable(),
  /** The JSON-RPC method, or the pseudo method of a transport act (`stream/open`, `session/delete`, `response`). */
  method: z.string().max(128),
  target: Target,
  tool: ToolReference.nullable(),
  /** Arguments masked by a fixed default, at most 16 KiB, for readers. */
  paramsMasked: JsonValue,
  paramsHash: KeyedDigest,
  labels: z.array(ContentLabel).max(64),
  redactions: z.array(Redaction).max(256),
  claimed: Claimed,
  purpose: z.enum(['execute', 'plan']),
  /** The edge instance that holds the client's connection. */
  edgeId: Id,
});
export type RequestFacts = z.infer<typeof RequestFacts>;
