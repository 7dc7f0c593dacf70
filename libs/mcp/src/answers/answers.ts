import { type AppError, type CallPlan, type ErrorCode, type Json, META_KEYS, toErrorBody } from '@sallyport/contracts';
import { META_ENVELOPE } from '../inbound/envelope.js';
import { type Era, MODERN_VERSIONS, negotiateLegacyVersion } from '../inbound/versions.js';
import { WireError } from '../inbound/wire-error.js';
import type { JsonObject, RequestId } from '../json/json-types.js';
import type { ServerInfo } from '../upstream/tool-definition.js';

/** Codes after which the tool may have acted: whoever repeats such a call may do a thing twice. */
const MAY_HAVE_MOVED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'call.cancelled',
  'call.in-doubt',
  'upstream.answer-invalid',
  'upstream.answer-too-large',
  'upstream.failed',
  'upstream.timeout',
]);

const adviceFor = (error: AppError): string => {
  if (MAY_HAVE_MOVED.has(error.code)) return 'Find out whether it took effect before you call again.';
  return error.definition.retryable ? 'The same call may succeed later.' : 'The same call will be answered the same way; do not repeat it.';
};

const errorMeta = (error: AppError, callId: string | null): JsonObject => {
  const body = toErrorBody(error, callId);
  return {
    [META_KEYS.error]: {
      code: body.code,
      summary: body.summary,
      detail: body.detail,
      callId: body.callId,
      retryable: body.retryable,
      docs: body.docs,
    },
  };
};

/** A JSON-RPC response with a result; a modern one says that it is complete unless it already says what it is (2026-07-28, results). */
export const rpcResult = (input: { readonly id: RequestId; readonly era: Era; readonly result: JsonObject }): JsonObject => ({
  jsonrpc: '2.0',
  id: input.id,
  result: input.era === 'modern' && input.result.resultType === undefined ? { ...input.result, resultType: 'complete' } : input.result,
});

/**
 * A JSON-RPC error: the code and summary of the registry, what the specification puts into `error.data`, and the whole public error under
 * `io.sallyport/error`. Internal text never leaves.
 */
export const rpcError = (input: {
  readonly id: RequestId | null;
  readonly error: AppError;
  readonly callId: string | null;
}): JsonObject => {
  const { error } = input;
  const wire = error instanceof WireError ? error : null;
  const { summary, rpc } = error.definition;
  return {
    jsonrpc: '2.0',
    id: input.id,
    error: {
      code: rpc,
      message: wire?.reason == null ? summary : `${summary} ${wire.reason}.`,
      data: { ...wire?.data, ...errorMeta(error, input.callId) },
    },
  };
};

/**
 * A tool result that says no, for a model to read: what happened, whether anything moved, what to do, and where to read on. Without
 * `structuredContent`, which a client would hold against the tool's output schema.
 */
export const toolRefusal = (input: {
  readonly id: RequestId;
  readonly era: Era;
  readonly error: AppError;
  readonly callId: string | null;
}): JsonObject => {
  const { error, callId } = input;
  const { summary, docs, code } = toErrorBody(error, callId);
  const reference = [`Code: ${code}`, ...(callId === null ? [] : [`Call: ${callId}`]), `More: ${docs}`].join('. ');
  return rpcResult({
    id: input.id,
    era: input.era,
    result: {
      content: [{ type: 'text', text: `${summary} ${adviceFor(error)}\n${reference}` }],
      isError: true,
      _meta: { ...errorMeta(error, callId), ...(callId === null ? {} : { [META_KEYS.callId]: callId }) },
    },
  });
};

/** The answer that refuses a decided request: a tool result for `tools/call`, so that the model can read it, a JSON-RPC error otherwise. */
export const refusal = (input: {
  readonly id: RequestId;
  readonly era: Era;
  readonly method: string;
  readonly error: AppError;
  readonly callId: string | null;
}): JsonObject => (input.method === 'tools/call' ? toolRefusal(input) : rpcError(input));

/** People who have been asked to agree to a call. */
export interface PendingApproval {
  readonly approvalId: string;
  /** Where a person sees the request. */
  readonly approvalUrl: string;
  /** RFC 3339: until when they may answer. */
  readonly expiresAt: string;
}

/** How long a client that was sent away should wait before it sends the call again. */
export const RETRY_AFTER_MS = 15_000;

const approvalMeta = (approval: PendingApproval): JsonObject => ({
  status: 'approval_required',
  ...approval,
  retryAfterMs: RETRY_AFTER_MS,
});

/**
 * The answer to a call that waits for people, for a client that comes back by itself with `requestState` and nothing else (MCP 2026-07-28, multi
 * round-trip requests). It needs no capability of the client.
 */
export const inputRequired = (input: {
  readonly id: RequestId;
  readonly requestState: string;
  readonly approval: PendingApproval;
  readonly callId: string;
}): JsonObject => ({
  jsonrpc: '2.0',
  id: input.id,
  result: {
    resultType: 'input_required',
    requestState: input.requestState,
    _meta: { [META_KEYS.approval]: approvalMeta(input.approval), [META_KEYS.callId]: input.callId },
  },
});

/**
 * The answer to a call that waits for people, for a client that does not come back by itself: a tool result that tells the model what to do.
 * `isError` is true, or a client would hold `structuredContent` against the tool's output schema.
 */
export const approvalPending = (input: {
  readonly id: RequestId;
  readonly era: Era;
  readonly approval: PendingApproval;
  readonly callId: string;
}): JsonObject => {
  const { approval, callId } = input;
  const { approvalId, approvalUrl, expiresAt } = approval;
  const said = [
    'A person must agree to this call first. They have been asked; nothing was sent to the tool and nothing is charged.',
    `Tell the person you work for that approval ${approvalId} waits until ${expiresAt}: ${approvalUrl}`,
    'When they have agreed, send exactly the same call again: it is then carried out, once. Do not change the arguments, and do not send it again before.',
  ].join('\n');
  return rpcResult({
    id: input.id,
    era: input.era,
    result: {
      content: [{ type: 'text', text: `${said}\nCode: approval.required. Call: ${callId}.` }],
      structuredContent: approvalMeta(approval),
      isError: true,
      _meta: { [META_KEYS.approval]: approvalMeta(approval), [META_KEYS.callId]: callId },
    },
  });
};

const moneyOf = ({ quote }: CallPlan): string => {
  if (quote === null) return 'Nobody can be charged for it.';
  const price = `It would cost ${(quote.amountMicros / 1_000_000).toFixed(6)} ${quote.currency}`;
  return quote.affordable ? `${price}.` : `${price}, which is more than is left.`;
};

const verdictOf = ({ effect, code, approvalRuleIds }: CallPlan): string => {
  if (effect === 'deny') return `It would be refused with ${code ?? 'policy.denied'}.`;
  return effect === 'allow' ? 'It would be carried out.' : `People would be asked first (${approvalRuleIds.join(', ')}).`;
};

/**
 * A plan as a tool result. `isError` is true: the tool did not do its work, and a client would otherwise hold the result against the tool's output
 * schema. The plan itself is under `io.sallyport/plan` and in `structuredContent`.
 */
export const planResult = (plan: CallPlan, callId: string): JsonObject => {
  const rules = plan.policyIds.length === 0 ? 'no rule' : plan.policyIds.join(', ');
  return {
    content: [
      {
        type: 'text',
        text: `This is a plan: nothing was carried out. ${verdictOf(plan)} Rules: ${rules}. ${plan.reasons.join(' ')} ${moneyOf(plan)}`,
      },
    ],
    structuredContent: { plan },
    isError: true,
    _meta: { [META_KEYS.plan]: plan, [META_KEYS.callId]: callId },
  };
};

/** The answer to `initialize`, with the revision asked for when it is served here, else the newest. */
export const initializeResult = (input: {
  readonly id: RequestId;
  readonly requestedVersion: string;
  readonly serverInfo: ServerInfo;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
}): JsonObject =>
  rpcResult({
    id: input.id,
    era: 'legacy',
    result: {
      protocolVersion: negotiateLegacyVersion(input.requestedVersion),
      capabilities: input.capabilities,
      serverInfo: { name: input.serverInfo.name, version: input.serverInfo.version },
      ...(input.instructions === undefined ? {} : { instructions: input.instructions }),
    },
  });

/** The answer to `server/discover`. What is said differs by principal, so no shared cache may keep it. */
export const discoverResult = (input: {
  readonly id: RequestId;
  readonly serverInfo: ServerInfo;
  readonly capabilities: JsonObject;
  readonly instructions?: string;
  readonly ttlMs: number;
}): JsonObject =>
  rpcResult({
    id: input.id,
    era: 'modern',
    result: {
      supportedVersions: MODERN_VERSIONS,
      capabilities: input.capabilities,
      ...(input.instructions === undefined ? {} : { instructions: input.instructions }),
      ttlMs: input.ttlMs,
      cacheScope: 'private',
      _meta: { [META_ENVELOPE.serverInfo]: { name: input.serverInfo.name, version: input.serverInfo.version } },
    },
  });

const byName = (left: JsonObject, right: JsonObject): number => {
  const [a, b] = [String(left.name), String(right.name)];
  return a < b ? -1 : a > b ? 1 : 0;
};

/** A list of tools in the order of their names, for one principal: private, and in the modern era good for `ttlMs`. */
export const toolsListResult = (input: {
  readonly id: RequestId;
  readonly era: Era;
  readonly tools: readonly JsonObject[];
  readonly nextCursor?: string;
  readonly ttlMs: number;
}): JsonObject => {
  const tools: Json = input.tools.toSorted(byName);
  const page = { tools, ...(input.nextCursor === undefined ? {} : { nextCursor: input.nextCursor }) };
  return rpcResult({
    id: input.id,
    era: input.era,
    result: input.era === 'modern' ? { ...page, ttlMs: input.ttlMs, cacheScope: 'private' } : page,
  });
};
