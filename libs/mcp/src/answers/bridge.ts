import type { Json } from '@sallyport/contracts';
import type { Era } from '../inbound/versions.js';
import { isJsonObject, type JsonObject, type RequestId } from '../json/json-types.js';
import { rpcResult } from './answers.js';

const RESERVED_META = 'io.modelcontextprotocol/';
/** Fields of a result that exist in the modern era only (2026-07-28, results and caching). */
const MODERN_FIELDS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope', 'inputRequests', 'requestState']);
/** Errors that speak of our hop, not of the client's (2026-07-28, error codes): relayed bare they would mislead it. */
const HOP_ERRORS: ReadonlySet<number> = new Set([-32020, -32021, -32022]);
const INTERNAL_ERROR = -32603;

/** `_meta` without the names that MCP reserves: they describe the hop they came over. */
export const withoutReservedMeta = (meta: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(meta).filter(([name]) => !name.startsWith(RESERVED_META)));

const INPUT_NOT_CARRIED =
  'The server asks for more input before it goes on, which this connection cannot carry. Nothing more was done. ' +
  'Use the address of that server itself with a client of protocol revision 2026-07-28.';

const unsupportedInput = (id: RequestId, method: string): JsonObject => ({
  jsonrpc: '2.0',
  id,
  ...(method === 'tools/call'
    ? { result: { content: [{ type: 'text', text: INPUT_NOT_CARRIED }], isError: true } }
    : { error: { code: INTERNAL_ERROR, message: INPUT_NOT_CARRIED } }),
});

const legacyResult = (result: JsonObject): JsonObject => {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(result)) if (!MODERN_FIELDS.has(name)) kept[name] = value;
  return kept;
};

/**
 * Turns an upstream's response of either era into one for a client of `clientEra`, under the client's id, where the gateway ends both
 * connections. Modern clients get a `resultType`, legacy clients lose the fields they do not know; reserved `_meta` goes. A result that asks
 * for input becomes a tool error for a legacy client. Errors about our own hop become an internal error.
 */
export const bridgeResponse = (input: {
  readonly message: JsonObject;
  readonly id: RequestId;
  readonly clientEra: Era;
  /** The method that was asked; `tools/call` when absent. */
  readonly method?: string;
}): JsonObject => {
  const { message, id, clientEra, method = 'tools/call' } = input;
  if (isJsonObject(message.error)) {
    const hop = typeof message.error.code === 'number' && HOP_ERRORS.has(message.error.code);
    return {
      jsonrpc: '2.0',
      id,
      error: hop ? { code: INTERNAL_ERROR, message: 'The tool server refused the form of the request.' } : message.error,
    };
  }
  const result = isJsonObject(message.result) ? message.result : {};
  if (clientEra === 'legacy' && result.resultType === 'input_required') return unsupportedInput(id, method);
  const { _meta: meta, ...rest } = result;
  const clean = isJsonObject(meta) ? withoutReservedMeta(meta) : {};
  const kept = Object.keys(clean).length === 0 ? rest : { ...rest, _meta: clean };
  return rpcResult({ id, era: clientEra, result: clientEra === 'legacy' ? legacyResult(kept) : kept });
};
