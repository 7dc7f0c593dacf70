import type { IncomingHttpHeaders } from 'node:http';
import type { Json } from '@sallyport/contracts';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import { META_ENVELOPE } from './envelope.js';
import { LATEST_MODERN_VERSION } from './versions.js';
import { WireError } from './wire-error.js';

const SENTINEL_START = '=?base64?';
const SENTINEL_END = '?=';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** What a header value carries as it is: visible ASCII, inner spaces and tabs (RFC 9110, 5.5). */
const PLAIN_VALUE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;
/** Annotations read from one schema; a hostile catalog has no say in how long a request takes. */
const MAX_ANNOTATIONS = 64;
const MAX_SCHEMA_DEPTH = 32;

/** Where the `Mcp-Name` of a method comes from (2026-07-28, standard request headers; tasks extension, HTTP binding). */
const NAME_SOURCES: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** What a request is aimed at, by its body: tool or prompt name, resource URI, task id; `null` when the method has none or it is no text. */
export const targetNameOf = (method: string, params: JsonObject): string | null => {
  const source = NAME_SOURCES.get(method);
  const value = source === undefined ? undefined : params[source];
  return typeof value === 'string' ? value : null;
};

/** Reads a header value that may be wrapped in the base64 sentinel; `null` when the wrapping is not canonical base64 of UTF-8. */
export const decodeHeaderValue = (raw: string): string | null => {
  const value = raw.replace(/^[ \t]+|[ \t]+$/g, '');
  if (!value.startsWith(SENTINEL_START) || !value.endsWith(SENTINEL_END) || value.length < SENTINEL_START.length + SENTINEL_END.length)
    return value;
  const payload = value.slice(SENTINEL_START.length, -SENTINEL_END.length);
  if (!BASE64.test(payload)) return null;
  const bytes = Buffer.from(payload, 'base64');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};

/** Writes a text as a header value: as it is when a header can carry it and nobody would take it for a sentinel, else in the sentinel. */
export const encodeHeaderValue = (text: string): string =>
  PLAIN_VALUE.test(text) && !text.startsWith(SENTINEL_START)
    ? text
    : `${SENTINEL_START}${Buffer.from(text, 'utf8').toString('base64')}${SENTINEL_END}`;

/** A header that must occur once. Node joins repeated ones by a comma, which then agrees with no body. */
export const singleHeader = (headers: IncomingHttpHeaders, name: string): string | null => {
  const value = headers[name];
  if (value === undefined) return null;
  return (Array.isArray(value) ? value.join(',') : value).replace(/^[ \t]+|[ \t]+$/g, '');
};

const mismatch = (id: RequestId | null, header: string, reason: string): WireError =>
  new WireError('request.header-mismatch', `${header}: ${reason}`, { id, reason: `${header} ${reason}`, data: { mismatch: { header } } });

/**
 * Holds the standard headers of a modern request against its body: `MCP-Protocol-Version`, `Mcp-Method` and, where the method has a target,
 * `Mcp-Name`, each required (2026-07-28, Streamable HTTP, standard request headers). Throws `request.header-mismatch`.
 */
export const checkStandardHeaders = (
  headers: IncomingHttpHeaders,
  body: { readonly id: RequestId; readonly method: string; readonly params: JsonObject; readonly version: string },
): void => {
  const version = singleHeader(headers, 'mcp-protocol-version');
  if (version === null) throw mismatch(body.id, 'MCP-Protocol-Version', 'is missing');
  if (version !== body.version) throw mismatch(body.id, 'MCP-Protocol-Version', 'does not say what the body says');
  const method = singleHeader(headers, 'mcp-method');
  if (method === null) throw mismatch(body.id, 'Mcp-Method', 'is missing');
  if (method !== body.method) throw mismatch(body.id, 'Mcp-Method', 'does not say what the body says');
  if (!NAME_SOURCES.has(body.method)) return;
  const target = targetNameOf(body.method, body.params);
  const raw = singleHeader(headers, 'mcp-name');
  if (raw === null) {
    // A body without a target is an invalid request of its own, and is answered as such by whoever validates parameters.
    if (target === null) return;
    throw mismatch(body.id, 'Mcp-Name', 'is missing');
  }
  const name = decodeHeaderValue(raw);
  if (name === null) throw mismatch(body.id, 'Mcp-Name', 'is not well encoded');
  if (target === null || name !== target) throw mismatch(body.id, 'Mcp-Name', 'does not say what the body says');
};

interface Annotation {
  readonly header: string;
  readonly path: readonly string[];
  readonly numeric: boolean;
}

const annotationsOf = (inputSchema: JsonObject): readonly Annotation[] => {
  const found: Annotation[] = [];
  const visit = (schema: Json | undefined, path: readonly string[]): void => {
    if (!isJsonObject(schema) || path.length > MAX_SCHEMA_DEPTH || found.length >= MAX_ANNOTATIONS) return;
    const header = schema['x-mcp-header'];
    if (path.length > 0 && typeof header === 'string' && TOKEN.test(header))
      found.push({ header, path, numeric: schema.type === 'integer' || schema.type === 'number' });
    if (!isJsonObject(schema.properties)) return;
    for (const [name, child] of Object.entries(schema.properties)) visit(child, [...path, name]);
  };
  visit(inputSchema, []);
  return found;
};

const argumentAt = (args: JsonObject, path: readonly string[]): Json | undefined => {
  let value: Json | undefined = args;
  for (const name of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
};

/** The header text of an argument; `null` for values that have none: null, lists, objects, numbers that lose digits. */
const headerTextOf = (value: Json | undefined): string | null => {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value !== 'number' || (Number.isInteger(value) && !Number.isSafeInteger(value))) return null;
  return String(value);
};

/**
 * Holds `Mcp-Param-*` headers against the arguments that the tool's pinned schema annotates with `x-mcp-header`: an annotated argument that
 * has a value needs its header, and both must agree (numbers by value). Headers that no annotation names are left alone.
 * Throws `request.header-mismatch` with the id to echo.
 */
export const checkParamHeaders = (inputSchema: JsonObject, args: JsonObject, headers: IncomingHttpHeaders, id: RequestId): void => {
  for (const { header, path, numeric } of annotationsOf(inputSchema)) {
    const value = argumentAt(args, path);
    const expected = headerTextOf(value);
    if (expected === null) continue;
    const name = `Mcp-Param-${header}`;
    const raw = singleHeader(headers, name.toLowerCase());
    if (raw === null) throw mismatch(id, name, 'is missing');
    const decoded = decodeHeaderValue(raw);
    if (decoded === null) throw mismatch(id, name, 'is not well encoded');
    const agrees = numeric && typeof value === 'number' && DECIMAL.test(decoded) ? Number(decoded) === value : decoded === expected;
    if (!agrees) throw mismatch(id, name, 'does not say what the body says');
  }
};

/** `Mcp-Param-*` headers for these arguments, by the tool's schema: recompute them whenever an argument was masked or a tool renamed. */
export const paramHeaders = (inputSchema: JsonObject, args: JsonObject): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const { header, path } of annotationsOf(inputSchema)) {
    const text = headerTextOf(argumentAt(args, path));
    if (text !== null) headers[`mcp-param-${header.toLowerCase()}`] = encodeHeaderValue(text);
  }
  return headers;
};

/** The headers a modern request needs towards an upstream, computed from the message as it is sent. */
export const standardHeaders = (input: { readonly message: JsonObject; readonly inputSchema?: JsonObject }): Record<string, string> => {
  const method = typeof input.message.method === 'string' ? input.message.method : '';
  const params = isJsonObject(input.message.params) ? input.message.params : {};
  const meta = isJsonObject(params._meta) ? params._meta : {};
  const version = meta[META_ENVELOPE.protocolVersion];
  const name = targetNameOf(method, params);
  const args = isJsonObject(params.arguments) ? params.arguments : {};
  return {
    'mcp-protocol-version': typeof version === 'string' ? version : LATEST_MODERN_VERSION,
    'mcp-method': method,
    ...(name === null ? {} : { 'mcp-name': encodeHeaderValue(name) }),
    ...(method === 'tools/call' && input.inputSchema !== undefined ? paramHeaders(input.inputSchema, args) : {}),
  };
};
