import type { IncomingHttpHeaders } from 'node:http';
import { AppError, type Claimed, claimedFrom, HTTP_HEADERS, type Json, META_KEYS } from '@sallyport/contracts';
import { isJsonObject, type JsonObject, META_ENVELOPE } from '@sallyport/mcp';
import {
  ATTRIBUTES,
  type Clock,
  holdsNul,
  type IdSource,
  parseTraceparent,
  type Sealer,
  type Span,
  type Telemetry,
} from '@sallyport/platform';
import type { AuthenticatedCall } from '../invoke/authenticated-call.js';
import { claimedOf } from '../invoke/call-identity.js';
import { isOwnRequestState, openRequestState } from '../invoke/request-state.js';
import { type Admitted, single } from './door.js';

const TRACE_FIELDS: readonly string[] = ['traceparent', 'tracestate', 'baggage'];
const OWN_META: readonly string[] = Object.values(META_KEYS);

/** What a transport read from the wire, before it is a call. */
export interface ReadRequest {
  readonly admitted: Admitted;
  readonly headers: IncomingHttpHeaders;
  readonly transport: AuthenticatedCall['transport'];
  readonly protocolVersion: string | null;
  readonly method: string;
  readonly target: AuthenticatedCall['target'];
  /** With `_meta`, as they came. */
  readonly params: JsonObject;
  /** Claims in a REST body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Keyed digest of a session id. */
  readonly session?: string | null;
  readonly isStream?: boolean;
  /** Where nothing but a plan can be asked for, and whether it may try out the tool's own dry run. */
  readonly plan?: { readonly mayTryOut: boolean };
  /** Whether the client understands `input_required` (MCP 2026-07-28). */
  readonly isModern?: boolean;
}

/** `_meta` without what the protocol, the trace and we put there. */
const vendorMeta = (meta: JsonObject): JsonObject => {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(meta)) {
    if (name.startsWith('io.modelcontextprotocol/') || name === 'progressToken') continue;
    if (TRACE_FIELDS.includes(name) || OWN_META.includes(name)) continue;
    kept[name] = value;
  }
  return kept;
};

const clientOf = (meta: JsonObject, params: JsonObject, headers: IncomingHttpHeaders): string | null => {
  const info = meta[META_ENVELOPE.clientInfo] ?? params.clientInfo;
  if (isJsonObject(info) && typeof info.name === 'string') return `${info.name}/${typeof info.version === 'string' ? info.version : ''}`;
  return headers['user-agent'] ?? null;
};

const claimedBy = (read: ReadRequest, meta: JsonObject): Claimed =>
  claimedOf({
    ...claimedFrom({ meta, body: read.body ?? null, headers: read.headers }),
    session: read.session ?? null,
    client: clientOf(meta, read.params, read.headers),
  });

/** The span of a call: child of what the agent says in `_meta` (SEP-414), linked to the HTTP one where they differ. */
const spanOf = (read: ReadRequest, meta: JsonObject, callId: string, telemetry: Telemetry): Span => {
  const http = single(read.headers.traceparent);
  const own = typeof meta.traceparent === 'string' && parseTraceparent(meta.traceparent) !== undefined ? meta.traceparent : null;
  const { kind, name } = read.target;
  return telemetry.startSpan(
    (kind === 'tool' || kind === 'prompt') && name !== null ? `${read.method} ${name.slice(0, 128)}` : read.method,
    {
      kind: 'server',
      parentTraceparent: own ?? http,
      links: own !== null && http !== null ? [http] : [],
      attributes: {
        [ATTRIBUTES.mcpMethodName]: read.method,
        [ATTRIBUTES.mcpProtocolVersion]: read.protocolVersion ?? undefined,
        [ATTRIBUTES.callId]: callId,
        [ATTRIBUTES.tenantId]: read.admitted.principal.tenantId,
        [ATTRIBUTES.upstream]: read.target.server ?? undefined,
        [ATTRIBUTES.toolName]: kind === 'tool' ? (name ?? undefined) : undefined,
        [ATTRIBUTES.promptName]: kind === 'prompt' ? (name ?? undefined) : undefined,
        [ATTRIBUTES.operationName]: read.method === 'tools/call' ? 'execute_tool' : undefined,
        [ATTRIBUTES.httpRoute]: read.admitted.entrance.route,
      },
    },
  );
};

/** Whatever is said but no: who wants a plan must not find that something happened. */
const asksForPlan = (said: Json | undefined): boolean =>
  said !== undefined && said !== null && said !== false && said !== 'false' && said !== '0';

const isEmpty = (value: Json | undefined): boolean => value === undefined || (isJsonObject(value) && Object.keys(value).length === 0);

/**
 * The waiting call that a request goes on with, and the parameters as they were sent first. Whatever else changed in them changes their digest,
 * which is looked at before anything else.
 */
const returnOf = (read: ReadRequest, params: JsonObject, { sealer, clock }: Pick<AssemblyDependencies, 'sealer' | 'clock'>) => {
  if (read.method !== 'tools/call' || !isOwnRequestState(params.requestState)) return { returned: null, params };
  const { requestState, ...others } = params;
  const { inputResponses, ...sent } = others;
  return {
    returned: openRequestState(requestState, read.admitted.principal, clock.nowMs(), sealer),
    params: isEmpty(inputResponses) ? sent : others,
  };
};

export interface AssemblyDependencies {
  readonly telemetry: Telemetry;
  readonly ids: IdSource;
  readonly sealer: Sealer;
  readonly clock: Clock;
}

/** A NUL in what is recorded of a call would be lost in every table: two names would become one. In arguments it is the tool's business. */
const checkRecordable = (facts: readonly unknown[]): void => {
  const hasNul = (fact: unknown): boolean =>
    typeof fact === 'string' ? fact.includes('\u0000') : typeof fact === 'object' && fact !== null && holdsNul(fact);
  if (facts.some(hasNul)) throw new AppError('request.invalid', 'there is a NUL in what is recorded of the call');
};

/**
 * Makes the call of a request: parsed, attributed, traced, with an id of its own unless it goes on with one that waits. End its span when the call
 * ended. Throws `request.invalid` for a `requestState` of ours that is not this client's, and for a NUL in a name, a claim or `_meta`.
 */
export const assembleCall = (read: ReadRequest, dependencies: AssemblyDependencies): AuthenticatedCall => {
  const { admitted } = read;
  const { _meta, ...carried } = read.params;
  const { returned, params } = returnOf(read, carried, dependencies);
  const meta = isJsonObject(_meta) ? _meta : {};
  const callId = returned?.callId ?? dependencies.ids.uuidv7();
  const key = meta[META_KEYS.idempotencyKey] ?? single(read.headers[HTTP_HEADERS.idempotencyKey.toLowerCase()]);
  const claimed = claimedBy(read, meta);
  checkRecordable([read.protocolVersion, read.method, read.target.server, read.target.name, key, _meta, ...Object.values(claimed)]);
  return {
    callId,
    principal: admitted.principal,
    transport: read.transport,
    protocolVersion: read.protocolVersion,
    method: read.method,
    target: read.target,
    params,
    meta: vendorMeta(meta),
    claimed,
    idempotencyKey: typeof key === 'string' && key !== '' ? key : null,
    isStream: read.isStream ?? false,
    isPlan:
      read.plan !== undefined || asksForPlan(meta[META_KEYS.plan]) || asksForPlan(single(read.headers[HTTP_HEADERS.plan.toLowerCase()])),
    mayTryOut: read.plan?.mayTryOut ?? true,
    // The state of an upstream that asks back would be lost in ours.
    comesBack: read.isModern === true && params.requestState === undefined && params.inputResponses === undefined,
    returned,
    receivedAtMs: admitted.receivedAtMs,
    span: spanOf(read, meta, callId, dependencies.telemetry),
    signal: admitted.hangUp.signal,
  };
};
