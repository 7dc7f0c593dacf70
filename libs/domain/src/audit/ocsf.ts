import { AWAITING_RESEND, type CallRecord, type OcsfApiActivityV1, type RiskTier } from '@sallyport/contracts';
import { type CallState, decisionOf, type EndPart, type RequestPart, toCallRecord } from './call-state.js';
import { epochMsOf } from './instant.js';
import { formatRecordLine } from './record-line.js';
import { visibleText } from './visible-text.js';

/** A value with its caption, as OCSF gives every enumeration. */
interface Caption {
  readonly id: number;
  readonly name: string;
}

const OCSF_VERSION = '1.8.0';
const CLASS_UID = 6003;

const CREATE: Caption = { id: 1, name: 'Create' };
const READ: Caption = { id: 2, name: 'Read' };
const UPDATE: Caption = { id: 3, name: 'Update' };
const OTHER: Caption = { id: 99, name: 'Other' };

/** Methods whose nature the protocol fixes. A tool's nature comes from its risk tier in the catalog, never from its own annotations. */
const METHOD_ACTIVITY: Readonly<Record<string, Caption>> = {
  'tools/list': READ,
  'prompts/list': READ,
  'prompts/get': READ,
  'resources/list': READ,
  'resources/templates/list': READ,
  'resources/read': READ,
  'completion/complete': READ,
  'server/discover': READ,
  ping: READ,
  initialize: CREATE,
  'resources/subscribe': CREATE,
  'subscriptions/listen': CREATE,
  'resources/unsubscribe': UPDATE,
  'logging/setLevel': UPDATE,
};

const activityOf = ({ method, tool }: RequestPart): Caption => {
  if (method !== 'tools/call') return METHOD_ACTIVITY[method] ?? OTHER;
  if (tool === null) return OTHER;
  return tool.riskTier === 'read' ? READ : UPDATE;
};

const RISK_LEVEL: Readonly<Record<RiskTier, Caption>> = {
  read: { id: 1, name: 'Low' },
  'write-low': { id: 2, name: 'Medium' },
  'write-high': { id: 3, name: 'High' },
};

const INFORMATIONAL: Caption = { id: 1, name: 'Informational' };
const LOW: Caption = { id: 2, name: 'Low' };
const MEDIUM: Caption = { id: 3, name: 'Medium' };
const HIGH: Caption = { id: 4, name: 'High' };

/** A refusal is the gate at work, not an incident; what nobody can tell the outcome of is. */
const severityOf = (end: EndPart, tool: RequestPart['tool']): Caption => {
  if (end.outcome === 'in-doubt') return HIGH;
  if (end.outcome === 'refused')
    return tool?.riskTier === 'write-high' || end.code === 'control.killed' || end.code === 'chain.poisoned' ? MEDIUM : LOW;
  return end.outcome === 'failed' ? LOW : INFORMATIONAL;
};

const ALLOWED: Caption = { id: 1, name: 'Allowed' };
const BLOCKED: Caption = { id: 2, name: 'Blocked' };

const DENIAL_DISPOSITION: Readonly<Record<string, Caption>> = {
  'approval.required': { id: 14, name: 'Delayed' },
  'approval.rejected': { id: 25, name: 'Rejected' },
  'approval.expired': { id: 25, name: 'Rejected' },
  'approval.withdrawn': { id: 25, name: 'Rejected' },
  'approval.mismatch': { id: 25, name: 'Rejected' },
  'scope.insufficient': { id: 23, name: 'Challenge' },
  'identity.forbidden': { id: 26, name: 'Unauthorized' },
};

/** What the gate did with the call, and whether it let it pass. */
const dispositionOf = (state: CallState, end: EndPart): { readonly action: Caption; readonly disposition: Caption } => {
  const denied: Caption = { id: 2, name: 'Denied' };
  if (end.outcome === 'refused') return { action: denied, disposition: DENIAL_DISPOSITION[end.code ?? ''] ?? BLOCKED };
  if (end.outcome === 'planned' || state.dispatch?.dryRun === true) return { action: ALLOWED, disposition: { id: 17, name: 'Logged' } };
  // It may come again, once people have answered.
  if (end.outcome === 'abandoned' && end.reasons.includes(AWAITING_RESEND)) {
    return { action: denied, disposition: { id: 14, name: 'Delayed' } };
  }
  if (state.dispatch === null) return { action: denied, disposition: { id: 27, name: 'Error' } };
  if (end.outcome === 'failed' || end.outcome === 'in-doubt') return { action: ALLOWED, disposition: { id: 27, name: 'Error' } };
  return { action: ALLOWED, disposition: (state.dispatch.approvalId ?? state.approvalId) === null ? ALLOWED : { id: 8, name: 'Approved' } };
};

const SUCCESSES: ReadonlySet<string> = new Set(['completed', 'planned']);

const bareName = (prefixed: string): string => prefixed.slice(prefixed.indexOf(':') + 1);

const defined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== null && value !== undefined) kept[name] = value;
  return kept;
};

const actorOf = (state: CallState, request: RequestPart): Record<string, unknown> => {
  const { principal } = request;
  const agent = principal.actors[0];
  return defined({
    user: {
      uid: principal.subject,
      name: bareName(principal.subject),
      type: principal.subject.startsWith('user:') ? 'User' : 'Service',
      type_id: principal.subject.startsWith('user:') ? 1 : 4,
    },
    app_name: agent === undefined ? null : bareName(agent),
    app_uid: agent ?? null,
    idp: { name: principal.tokenSource, uid: principal.issuer },
    session: request.claimed.session === null ? null : { uid: request.claimed.session },
    authorizations: state.decisions.map((decision) => ({
      decision: decision.effect,
      policy: {
        name: decision.policyIds.join(',') || 'deny by default',
        uid: decision.policySetHash,
        version: decision.policySetHash.slice(-12),
      },
    })),
  });
};

const apiOf = (state: CallState, request: RequestPart, end: EndPart, record: CallRecord): Record<string, unknown> => ({
  operation: request.target === null ? request.method : `${request.method} ${request.target}`,
  service: defined({ name: request.server ?? 'sallyport', uid: request.server ?? request.edgeId, version: request.protocolVersion }),
  request: { uid: state.callId, ...(request.labels.length === 0 ? {} : { flags: [...request.labels] }) },
  response: defined({
    code: SUCCESSES.has(end.outcome) ? 0 : 1,
    error: end.code,
    error_message: record.reasons.length === 0 ? null : record.reasons.join('; '),
    message: end.outcome,
  }),
});

const resourcesOf = ({ tool, target, targetKind }: RequestPart): readonly Record<string, unknown>[] => {
  if (tool !== null)
    return [{ name: tool.id, uid: tool.definitionDigest, version: tool.version, type: 'mcp_tool', criticality: tool.riskTier }];
  return target === null ? [] : [{ name: target, type: `mcp_${targetKind}` }];
};

/** What OCSF has no place for. */
const unmappedOf = (state: CallState, request: RequestPart, record: CallRecord): Record<string, unknown> =>
  defined({
    chain_id: request.chainId,
    actors: request.principal.actors,
    mode: request.principal.mode,
    environment: request.principal.environment,
    scopes: request.principal.scopes,
    client_id: request.principal.clientId,
    workflow: request.principal.workflow,
    purpose: request.purpose,
    transport: request.transport,
    claimed: defined({ intent: request.claimed.intent, workflow: request.claimed.workflow, client: request.claimed.client }),
    labels: record.labels,
    argument_redactions: record.argumentRedactions,
    result_redactions: record.resultRedactions,
    approval_id: record.approval?.approvalId ?? state.approvalId,
    approval:
      record.approval === null
        ? null
        : defined({
            status: record.approval.status,
            rules: record.approval.ruleIds,
            answered_by: record.approval.answeredBy,
            answered_at: record.approval.answeredAt,
            channel: record.approval.channel,
          }),
    dry_run_hash: record.dryRunHash,
    attempt: state.dispatch?.attempt ?? null,
    token_id: state.dispatch?.tokenId ?? null,
    upstream_micros: record.upstreamMicros,
    price_micros: record.priceMicros,
    currency: record.currency,
    outcome: record.outcome,
  });

/**
 * A call that ended as OCSF 1.8.0 API Activity (class 6003) under the profiles security_control, ai_operation and trace; `null` before the
 * end is on record. Its `metadata.uid` is the id of the ending event, so that a call settled later is a second event and a repeat is not.
 * Neither arguments nor results are in it.
 */
export const toOcsfApiActivity = (state: CallState): OcsfApiActivityV1 | null => {
  const record = toCallRecord(state);
  const { request, end } = state;
  if (record === null || request === null || end === null) return null;
  const activity = activityOf(request);
  const severity = severityOf(end, request.tool);
  const { action, disposition } = dispositionOf(state, end);
  const risk = request.tool === null ? null : RISK_LEVEL[request.tool.riskTier];
  const decision = decisionOf(state);
  const startMs = epochMsOf(request.at) ?? 0;
  const endMs = epochMsOf(end.at) ?? startMs;
  const success = SUCCESSES.has(end.outcome);
  return {
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: CLASS_UID,
    class_name: 'API Activity',
    activity_id: activity.id,
    activity_name: activity.name,
    type_uid: CLASS_UID * 100 + activity.id,
    type_name: `API Activity: ${activity.name}`,
    severity_id: severity.id,
    severity: severity.name,
    status_id: success ? 1 : 2,
    status: success ? 'Success' : 'Failure',
    ...(end.code === null ? {} : { status_code: end.code }),
    status_detail: end.outcome,
    time: endMs,
    start_time: startMs,
    end_time: endMs,
    duration: Math.max(0, endMs - startMs),
    timezone_offset: 0,
    message: formatRecordLine(record),
    metadata: {
      version: OCSF_VERSION,
      uid: end.eventId,
      correlation_uid: state.callId,
      tenant_uid: state.tenantId,
      event_code: end.outcome,
      original_time: request.at,
      profiles: ['security_control', 'ai_operation', 'trace'],
      product: { name: 'Sallyport', vendor_name: 'Sallyport', uid: request.edgeId },
      log_name: 'tool-call.events.v1',
    },
    actor: actorOf(state, request),
    api: apiOf(state, request, end, record),
    resources: resourcesOf(request),
    src_endpoint: defined({
      name: request.claimed.client ?? request.principal.clientId ?? request.principal.actors[0] ?? request.principal.subject,
      uid: request.principal.clientId,
      svc_name: request.principal.actors[0],
    }),
    ...(state.dispatch === null ? {} : { dst_endpoint: { svc_name: state.dispatch.server, uid: state.dispatch.server } }),
    ...(request.claimed.client === null ? {} : { http_request: { user_agent: visibleText(request.claimed.client) } }),
    action_id: action.id,
    action: action.name,
    disposition_id: disposition.id,
    disposition: disposition.name,
    is_alert: end.outcome === 'in-doubt',
    ...(risk === null ? {} : { risk_level_id: risk.id, risk_level: risk.name }),
    ...(decision === null
      ? {}
      : { policy: { name: decision.policyIds.join(',') || 'deny by default', uid: decision.policySetHash, is_applied: true } }),
    ...(request.claimed.model === null ? {} : { ai_model: { name: request.claimed.model, ai_provider: 'claimed by the agent' } }),
    message_context: defined({
      application: defined({ name: request.claimed.client, uid: request.principal.clientId }),
      ai_role_id: 4,
      ai_role: 'Agent',
      uid: state.callId,
    }),
    trace: {
      uid: request.traceId,
      span: { uid: request.spanId, start_time: startMs, end_time: endMs, status_code: success ? 'OK' : 'ERROR' },
    },
    unmapped: unmappedOf(state, request, record),
  };
};
