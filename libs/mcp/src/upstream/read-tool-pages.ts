import { AppError, type Json } from '@sallyport/contracts';
import { isJsonObject, type JsonObject } from '../json/json-types.js';
import type { ToolDefinition } from './tool-definition.js';

const MAX_PAGES = 100;
const MAX_TOOLS = 10_000;
const MAX_NAME_LENGTH = 256;

const invalid = (server: string, reason: string): AppError =>
  new AppError('upstream.answer-invalid', `the tool list of ${server}: ${reason}`, { detail: { reached: 'yes' } });

const toolOf = (server: string, value: Json): ToolDefinition => {
  if (!isJsonObject(value) || typeof value.name !== 'string' || value.name.length === 0 || value.name.length > MAX_NAME_LENGTH)
    throw invalid(server, 'an entry without a usable name');
  if (!isJsonObject(value.inputSchema)) throw invalid(server, 'an entry without an input schema');
  return { ...value, name: value.name };
};

/**
 * Reads all pages of a tool list (`nextCursor`) and gives the tools in the upstream's order. Throws `upstream.answer-invalid` for a list that is
 * refused, malformed, longer than 100 pages or 10,000 tools, or that names a tool twice.
 */
export const readToolPages = async (server: string, readPage: (params: JsonObject) => Promise<JsonObject>): Promise<ToolDefinition[]> => {
  const tools = new Map<string, ToolDefinition>();
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { result } = await readPage(cursor === null ? {} : { cursor });
    if (!isJsonObject(result) || !Array.isArray(result.tools)) throw invalid(server, 'no list');
    for (const value of result.tools) {
      const tool = toolOf(server, value);
      if (tools.has(tool.name)) throw invalid(server, 'a name occurs twice');
      tools.set(tool.name, tool);
    }
    if (tools.size > MAX_TOOLS) throw invalid(server, `more than ${MAX_TOOLS} tools`);
    if (typeof result.nextCursor !== 'string' || result.nextCursor === cursor) return [...tools.values()];
    cursor = result.nextCursor;
  }
  throw invalid(server, `more than ${MAX_PAGES} pages`);
};
