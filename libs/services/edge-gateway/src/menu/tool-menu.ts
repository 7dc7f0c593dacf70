import type { Json, ToolMenu, ToolRecord } from '@sallyport/contracts';
import { isJsonObject } from '@sallyport/mcp';
import { type CatalogView, pinnedDefinitionOf } from '../catalog-view/catalog-view.js';

/**
 * The tools of a decision's `visible` that the catalog has pinned, in the order of their ids. What the catalog view does not hold yet is left out
 * rather than shown without its definition.
 */
export const visibleTools = (
  catalog: Pick<CatalogView, 'find'>,
  tenantId: string,
  visible: readonly string[] | null,
): readonly ToolRecord[] =>
  [...new Set(visible ?? [])]
    .sort()
    .map((id) => catalog.find(tenantId, id))
    .filter((record): record is ToolRecord => record !== null && pinnedDefinitionOf(record) !== null);

const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);

/** The menu of `GET /v1/tools`: names and schemas, no address of anything. */
export const toolMenuOf = (records: readonly ToolRecord[]): ToolMenu => ({
  tools: records.map((record) => {
    const definition = pinnedDefinitionOf(record) ?? {};
    return {
      tool: record.id,
      title: text(definition.title),
      description: text(definition.description),
      inputSchema: isJsonObject(definition.inputSchema) ? definition.inputSchema : {},
      outputSchema: isJsonObject(definition.outputSchema) ? definition.outputSchema : null,
    };
  }),
});
