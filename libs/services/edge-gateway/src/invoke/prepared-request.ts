import type { ErrorCode, RequestFacts, ToolRecord } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import canonicalize from 'canonicalize';
import { toolReferenceOf } from '../catalog-view/catalog-view.js';
import type { AuthenticatedCall } from './authenticated-call.js';
import type { KeyedDigests } from './call-identity.js';
import { type InspectedContent, inspectContent, isDeeperThan } from './request-content.js';

/** A request looked at once: what is recorded of it and what may travel. */
export interface PreparedRequest {
  readonly facts: RequestFacts;
  /** JSON text of the parameters, to be sealed. */
  readonly paramsText: string;
  readonly content: InspectedContent;
}

/** A request that was refused before anything else was done about it, with as much as is known. */
export interface UnpreparedRequest {
  readonly facts: RequestFacts;
  readonly refusal: ErrorCode;
}

interface Bounds {
  readonly edgeId: string;
  readonly argumentBytesMax: number;
  readonly argumentDepthMax: number;
}

/** Facts of a request of which nothing but its size was looked at. */
export const bareFacts = (call: AuthenticatedCall, tool: ToolRecord | null, digests: KeyedDigests, edgeId: string): RequestFacts =>
  factsOf(
    call,
    tool,
    edgeId,
    digests.keyedDigest(call.principal.tenantId, 'params', JSON.stringify([call.method, call.target, call.params])),
  );

/** Bounds, hashes and inspects the parameters: each once, and nothing costly before the bounds. */
export const prepareRequest = (
  call: AuthenticatedCall,
  tool: ToolRecord | null,
  digests: KeyedDigests,
  bounds: Bounds,
): PreparedRequest | UnpreparedRequest => {
  const paramsText = JSON.stringify(call.params);
  const refuse = (refusal: ErrorCode): UnpreparedRequest => ({ facts: bareFacts(call, tool, digests, bounds.edgeId), refusal });
  if (Buffer.byteLength(paramsText) > bounds.argumentBytesMax) return refuse('content.arguments-too-large');
  if (isDeeperThan(call.params, bounds.argumentDepthMax) || isDeeperThan(call.meta, bounds.argumentDepthMax))
    return refuse('content.arguments-too-deep');
  const content = inspectContent(withMeta(call.params, call.meta), bounds.argumentDepthMax + 2);
  if (!content.isComplete) return refuse('content.arguments-too-deep');
  const canonical = canonicalize({ method: call.method, target: call.target, params: call.params }) ?? paramsText;
  const facts = factsOf(call, tool, bounds.edgeId, digests.keyedDigest(call.principal.tenantId, 'params', canonical));
  return {
    facts: { ...facts, paramsMasked: content.shown, labels: content.labels, redactions: content.findings },
    paramsText,
    content,
  };
};

const factsOf = (call: AuthenticatedCall, tool: ToolRecord | null, edgeId: string, paramsHash: string): RequestFacts => ({
  principal: call.principal,
  transport: call.transport,
  protocolVersion: call.protocolVersion,
  method: call.method.slice(0, 128),
  target: { ...call.target, name: call.target.name?.slice(0, 2048) ?? null },
  tool: toolReferenceOf(tool),
  paramsMasked: null,
  paramsHash,
  labels: [],
  redactions: [],
  claimed: call.claimed,
  purpose: call.isPlan ? 'plan' : 'execute',
  edgeId,
});

const META = '_meta';

/** Parameters and their `_meta` as one object, as they travel. */
export const withMeta = (params: JsonObject, meta: JsonObject): JsonObject =>
  Object.keys(meta).length === 0 ? params : { ...params, [META]: meta };

/** Takes apart what `withMeta` put together. */
export const splitMeta = (together: JsonObject, meta: JsonObject): { readonly params: JsonObject; readonly meta: JsonObject } => {
  if (Object.keys(meta).length === 0) return { params: together, meta };
  const { [META]: masked, ...params } = together;
  return { params, meta: typeof masked === 'object' && masked !== null && !Array.isArray(masked) ? (masked as JsonObject) : {} };
};
