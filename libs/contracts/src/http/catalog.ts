import { z } from 'zod';
import { ToolRecord } from '../catalog-record.js';
import { Instant, JsonValue, PlainDigest, RiskTier, ServerName, ToolId } from '../values.js';

/** What the owner of a tool should look at; it keeps nothing from being called. */
export const CatalogWarning = z.enum(['review-is-old', 'deprecated']);
export type CatalogWarning = z.infer<typeof CatalogWarning>;

/** A tool in the list: its record without the definition. */
export const ToolInList = ToolRecord.omit({ definition: true }).extend({ warnings: z.array(CatalogWarning) });
export type ToolInList = z.infer<typeof ToolInList>;

/** Query of `GET /v1/catalog`. */
export const CatalogQuery = z.strictObject({
  server: ServerName.optional(),
  /** `held`: its definition changed and nobody accepted the new one. `incomplete`: anything else keeps it from being callable. */
  state: z.enum(['callable', 'held', 'incomplete']).optional(),
  tier: RiskTier.optional(),
  owner: z.string().max(256).optional(),
  /** Part of its name, its owner or its tags, whatever the case. */
  text: z.string().max(128).optional(),
  cursor: ToolId.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});
export type CatalogQuery = z.infer<typeof CatalogQuery>;

/** Answer of `GET /v1/catalog`: a page of tools, by name. */
export const CatalogPage = z.object({ tools: z.array(ToolInList), nextCursor: z.string().nullable() });
export type CatalogPage = z.infer<typeof CatalogPage>;

/** A server of the catalog with its tools counted. */
export const CatalogServer = z.object({
  server: ServerName,
  tools: z.number().int(),
  callable: z.number().int(),
  /** Whose definition changed, with nobody having accepted the new one. */
  held: z.number().int(),
  /** Without an owner, a tier, or what else a record needs. */
  incomplete: z.number().int(),
  reviewsOld: z.number().int(),
  owners: z.array(z.string()),
  tiers: z.array(RiskTier),
  supportContacts: z.array(z.string()),
  /** Whether an operator has stopped the server as a whole. */
  stopped: z.boolean(),
});
export type CatalogServer = z.infer<typeof CatalogServer>;

/** Answer of `GET /v1/catalog/servers`, by name. */
export const CatalogServers = z.object({ servers: z.array(CatalogServer) });
export type CatalogServers = z.infer<typeof CatalogServers>;

/** How a definition comes to be pinned. */
export const DefinitionPinRule = z.union([
  z.object({ kind: z.enum(['on-first-use', 'by-hand']) }),
  z.object({ kind: z.literal('digest'), digest: PlainDigest }),
]);
export type DefinitionPinRule = z.infer<typeof DefinitionPinRule>;

/** A definition as its server showed it last. It is a stranger's text. */
export const ObservedDefinition = z.object({
  digest: PlainDigest,
  definition: JsonValue,
  /** When this definition was seen first; `null` where it was seen before anybody noted it. */
  seenAt: Instant.nullable(),
});
export type ObservedDefinition = z.infer<typeof ObservedDefinition>;

/** Answer of `GET /v1/catalog/{server}/{tool}`: the record with the pinned definition, and the one that was seen last. */
export const CatalogTool = ToolRecord.extend({
  warnings: z.array(CatalogWarning),
  /** Whether a catalog file names it. */
  declared: z.boolean(),
  pinRule: DefinitionPinRule,
  observed: ObservedDefinition.nullable(),
});
export type CatalogTool = z.infer<typeof CatalogTool>;

/** Body of `POST /v1/catalog/{server}/{tool}/pin`. */
export const PinBody = z.strictObject({
  why: z.string().min(1).max(1024),
  /** The definition that was looked at; where another one was seen since, nothing is accepted (`stream.conflict`). */
  digest: PlainDigest.optional(),
});
export type PinBody = z.infer<typeof PinBody>;
