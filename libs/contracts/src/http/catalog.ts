import { z } from 'zod';
import { ToolRecord } from '../catalog-record.js';
import { JsonValue, PlainDigest } from '../values.js';

/** What the owner of a tool should look at; it keeps nothing from being called. */
export const CatalogWarning = z.enum(['review-is-old', 'deprecated']);
export type CatalogWarning = z.infer<typeof CatalogWarning>;

/** A tool in the list: its record without the definition. */
export const ToolInList = ToolRecord.omit({ definition: true }).extend({ warnings: z.array(CatalogWarning) });
export type ToolInList = z.infer<typeof ToolInList>;

/** Answer of `GET /v1/catalog`: every tool, by name. */
export const CatalogList = z.object({ tools: z.array(ToolInList) });
export type CatalogList = z.infer<typeof CatalogList>;

/** How a definition comes to be pinned. */
export const DefinitionPinRule = z.union([
  z.object({ kind: z.enum(['on-first-use', 'by-hand']) }),
  z.object({ kind: z.literal('digest'), digest: PlainDigest }),
]);
export type DefinitionPinRule = z.infer<typeof DefinitionPinRule>;

/** A definition as its server showed it last. It is a stranger's text. */
export const ObservedDefinition = z.object({ digest: PlainDigest, definition: JsonValue });
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
