import type { Json } from '@sallyport/contracts';

/** A JSON object that came out of a bounded parser, or is about to be written. Never changed in place: build a new one. */
export type JsonObject = { readonly [key: string]: Json };

/** Whether a JSON value is an object (neither an array nor null). */
export const isJsonObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Identifier of a JSON-RPC request as MCP allows it: never null. */
export type RequestId = string | number;
