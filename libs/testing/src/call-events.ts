import type { AnyEnvelope, EventData, EventType, RequestFacts } from '@sallyport/contracts';

/** The one call that the builders below tell of. */
export const CALL_ID = '0198f000-0000-7000-8000-000000000001';
export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const HASH = 'h'.repeat(43);

/** An agent of ada's asks to write a file; a secret in the content was found. */
export const requestFacts = (override: Partial<RequestFacts> = {}): RequestFacts => ({
  principal: {
    subject: 'user:ada',
    actors: ['agent:triage'],
    tenantId: 'acme',
    issuer: 'https://issuer.example',
    scopes: ['tools:read'],
    mode: 'interactive',
    clientId: 'client-1',
    environment: 'production',
    tokenSource: 'local',
    workflow: null,
  },
  transport: 'mcp',
  protocolVersion: '2026-07-28',
  method: 'tools/call',
  target: { kind: 'tool', server: 'fs', name: 'write_file' },
  tool: { id: 'fs/write_file', definitionDigest: DIGEST, version: '1', riskTier: 'write-low' },
  paramsMasked: { path: '/sandbox/a' },
  paramsHash: HASH,
  labels: ['secret.provider-key'],
  redactions: [{ path: '/content', label: 'secret.provider-key', detector: 'provider-key', count: 1 }],
  claimed: { model: 'model-1', prompt: null, intent: null, workflow: null, session: null, client: 'inspector/1' },
  purpose: 'execute',
  edgeId: 'edge-1',
  ...override,
});

let made = 0;

/** An event of the call, with an id of its own. */
export const anEvent = <T extends EventType>(type: T, data: EventData<T>, override: Partial<AnyEnvelope> = {}): AnyEnvelope => {
  made += 1;
  return {
    id: `e${made}`,
    type,
    version: 1,
    source: '/edge-gateway/edge-1',
    occurredAt: '2026-11-21T12:00:00.000Z',
    tenantId: 'acme',
    key: 'chain-1',
    callId: CALL_ID,
    chainId: 'chain-1',
    subject: 'user:ada',
    actor: 'agent:triage',
    causationId: null,
    traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
    edgeId: 'edge-1',
    data,
    ...override,
  } as AnyEnvelope;
};

/** The call is asked for. */
export const toolCallRequested = (override: Partial<RequestFacts> = {}) =>
  anEvent(
    'ToolCallRequested',
    { ...requestFacts(override), sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: 8_000, requires: ['policy'] },
    { id: 'requested' },
  );

/** The decision point allows it. */
export const policyDecided = (override: Partial<EventData<'PolicyDecided'>> = {}, id = 'decided-1') =>
  anEvent(
    'PolicyDecided',
    {
      effect: 'allow',
      code: null,
      policyIds: ['writers-low'],
      policySetHash: DIGEST,
      engine: 'cedar',
      obligations: [],
      reasons: [],
      requiredScopes: [],
      visible: null,
      evaluation: 1,
      approvalId: null,
      epoch: 1,
      durationMicros: 90,
      ...override,
    },
    { id, occurredAt: '2026-11-21T12:00:00.003Z' },
  );

/** It goes to the upstream. */
export const toolCallDispatched = (override: Partial<EventData<'ToolCallDispatched'>> = {}) =>
  anEvent(
    'ToolCallDispatched',
    {
      server: 'fs',
      routeVersion: '1',
      attempt: 1,
      tokenId: null,
      toolDigest: DIGEST,
      decisionId: 'decided-1',
      dryRun: false,
      redactions: [],
      ...override,
    },
    { id: 'dispatched', occurredAt: '2026-11-21T12:00:00.004Z' },
  );

/** The upstream answered; e-mail addresses were masked in the answer. */
export const toolCallCompleted = (override: Partial<EventData<'ToolCallCompleted'>> = {}) =>
  anEvent(
    'ToolCallCompleted',
    {
      outcome: 'ok',
      upstreamCode: null,
      outputHash: HASH,
      outputMasked: null,
      outputBytes: 12,
      labels: ['pii.email'],
      redactions: [{ path: '/content/0/text', label: 'pii.email', detector: 'email', count: 2 }],
      interim: { count: 0, digest: null },
      upstreamMicros: 2_000,
      totalMicros: 7_000,
      reportedCostMicros: null,
      ...override,
    },
    { id: 'completed', occurredAt: '2026-11-21T12:00:00.007Z' },
  );

/** The policy stage refuses it. */
export const toolCallRefused = (override: Partial<EventData<'ToolCallRefused'>> = {}) =>
  anEvent(
    'ToolCallRefused',
    { stage: 'policy', code: 'policy.denied', reasons: ['no-policy'], request: null, totalMicros: 3_000, ...override },
    { id: 'refused', occurredAt: '2026-11-21T12:00:00.003Z' },
  );
