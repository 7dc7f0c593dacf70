import { ToolRecord } from '../../catalog-record.js';
import { type DataOf, defineEvent } from '../../event-schema.js';

/** Current state: one tool as the catalog holds it. */
export const ToolInCatalogV1 = defineEvent({
  type: 'ToolInCatalog',
  version: 1,
  summary: 'Current state: one tool as the catalog holds it.',
  data: ToolRecord,
});
export type ToolInCatalogV1 = DataOf<typeof ToolInCatalogV1>;
