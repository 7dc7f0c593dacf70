import type { Json } from '@sallyport/contracts';
import { digestDefinition, isJsonObject, type JsonObject, type ToolDefinition } from '@sallyport/mcp';
import { type CatalogView, pinnedDefinitionOf } from '../catalog-view/catalog-view.js';

/** A list of tools held to what may be shown, and whether it differed from the pins. */
export interface HeldList {
  readonly message: JsonObject;
  readonly hasDrifted: boolean;
}

const isDefinition = (tool: Json): tool is ToolDefinition => isJsonObject(tool) && typeof tool.name === 'string';

const digestOf = (tool: ToolDefinition): string | null => {
  try {
    return digestDefinition(tool);
  } catch {
    return null;
  }
};

/**
 * Holds an upstream's `tools/list` to the decision and to the pins: what is not visible, not pinned, or described otherwise than pinned is left
 * out; what stays is the pinned definition and nothing the upstream put beside it.
 */
export const holdToolList = (
  message: JsonObject,
  held: {
    readonly catalog: Pick<CatalogView, 'find'>;
    readonly tenantId: string;
    readonly server: string;
    readonly visible: readonly string[] | null;
  },
): HeldList => {
  const { result } = message;
  if (!isJsonObject(result)) return { message, hasDrifted: false };
  const listed: readonly Json[] = Array.isArray(result.tools) ? result.tools : [];
  const visible = new Set(held.visible ?? []);
  let hasDrifted = false;
  const tools: Json[] = [];
  for (const tool of listed) {
    if (!isDefinition(tool)) continue;
    const id = `${held.server}/${tool.name}`;
    const record = held.catalog.find(held.tenantId, id);
    const pinned = record === null ? null : pinnedDefinitionOf(record);
    if (record === null || pinned === null || digestOf(tool) !== record.pinnedDigest) hasDrifted = true;
    else if (visible.has(id)) tools.push(pinned);
  }
  return { message: { ...message, result: { ...result, tools } }, hasDrifted };
};

/** What differs by principal is kept by no shared cache (2026-07-28, caching), and by the client no longer than a list of ours. */
export const privately = (message: JsonObject, ttlMsMax: number): JsonObject => {
  const { result } = message;
  if (!isJsonObject(result) || (result.cacheScope === undefined && result.ttlMs === undefined)) return message;
  const ttlMs = typeof result.ttlMs === 'number' ? Math.min(result.ttlMs, ttlMsMax) : ttlMsMax;
  return { ...message, result: { ...result, cacheScope: 'private', ttlMs } };
};
