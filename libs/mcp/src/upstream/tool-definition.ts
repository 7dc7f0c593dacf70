import type { JsonObject } from '../json/json-types.js';

/** A tool as an upstream declares it; everything but the name is as untrusted as it came. */
export type ToolDefinition = JsonObject & { readonly name: string };

/** An upstream's own name and version, as claimed. */
export interface ServerInfo {
  readonly name: string;
  readonly version: string;
}
