import { z } from 'zod';
import { AmountMicros, Currency, JsonValue, Lifecycle, PlainDigest, RiskTier, ServerName, TenantId, ToolId } from './values.js';

/** One tool as the catalog holds it. `missing` names what keeps it from being callable; empty means callable. */
export const ToolRecord = z.object({
  id: ToolId,
  tenantId: TenantId,
  server: ServerName,
  /** The name the upstream knows it by. */
  name: z.string().max(256),
  /** Accountable team. */
  owner: z.string().max(256).nullable(),
  dataDomain: z.string().max(256).nullable(),
  riskTier: RiskTier.nullable(),
  /** Version of the record's subject, chosen by its owner. */
  version: z.string().max(64).nullable(),
  lifecycle: Lifecycle.nullable(),
  /** Calendar date of the last review, `YYYY-MM-DD`. */
  lastReviewed: z.iso.date().nullable(),
  supportContact: z.string().max(256).nullable(),
  /** Price of one call; `null` is unknown and keeps the tool from being callable. */
  costMicros: AmountMicros.nullable(),
  currency: Currency.nullable(),
  /** Scopes a token must carry to call it. */
  scopes: z.array(z.string().max(128)).max(32),
  /** What the tool is for policies, e.g. `export`, `delete`. */
  tags: z.array(z.string().max(64)).max(32),
  /** The argument that, set to `true`, makes the tool say what it would do and do nothing; `null` when it has none. */
  dryRunArgument: z.string().max(128).nullable().optional(),
  /** The argument under which the upstream takes an idempotency key of its own: with one, a call in doubt may be sent again. */
  idempotencyArgument: z.string().max(128).nullable().optional(),
  pinnedDigest: PlainDigest.nullable(),
  /** The pinned definition (name, description, schemas, annotations), as listed to agents. */
  definition: JsonValue,
  /** Digest last seen at the upstream when it differs from the pin. */
  driftedDigest: PlainDigest.nullable(),
  missing: z.array(z.string().max(64)).max(32),
  epoch: z.number().int().nonnegative(),
});
export type ToolRecord = z.infer<typeof ToolRecord>;
