import { type AnyEnvelope, OcsfApiActivityV1 } from '@sallyport/contracts';
import {
  anEvent,
  CALL_ID,
  policyDecided,
  TRACE_ID,
  toolCallCompleted,
  toolCallDispatched,
  toolCallRefused,
  toolCallRequested,
} from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { initialCallState } from './call-state.js';
import { evolveCall } from './evolve-call.js';
import { epochMsOf } from './instant.js';
import { toOcsfApiActivity } from './ocsf.js';

const ocsf = (...events: readonly AnyEnvelope[]) => toOcsfApiActivity(events.reduce(evolveCall, initialCallState(CALL_ID, 'acme')));

describe('OCSF API Activity of a call', () => {
  test('identifies, classifies and attributes an allowed write', () => {
    const activity = ocsf(toolCallRequested(), policyDecided(), toolCallDispatched(), toolCallCompleted());
    expect(OcsfApiActivityV1.data.parse(activity)).toMatchObject({
      class_uid: 6003,
      category_uid: 6,
      activity_id: 3,
      type_uid: 600303,
      severity_id: 1,
      status_id: 1,
      action_id: 1,
      disposition_id: 1,
      time: Date.parse('2026-11-21T12:00:00.007Z'),
      duration: 7,
      metadata: {
        version: '1.8.0',
        uid: 'completed',
        correlation_uid: CALL_ID,
        tenant_uid: 'acme',
        profiles: ['security_control', 'ai_operation', 'trace'],
      },
      actor: {
        user: { uid: 'user:ada', name: 'ada', type_id: 1 },
        app_uid: 'agent:triage',
        authorizations: [{ decision: 'allow', policy: { name: 'writers-low' } }],
      },
      api: { operation: 'tools/call fs/write_file', service: { name: 'fs' }, request: { uid: CALL_ID }, response: { code: 0 } },
      resources: [{ name: 'fs/write_file', type: 'mcp_tool' }],
      src_endpoint: { uid: 'client-1' },
      ai_model: { name: 'model-1' },
      trace: { uid: TRACE_ID, span: { uid: '00f067aa0ba902b7' } },
    });
  });

  test('takes the activity from the catalog tier and says what was blocked', () => {
    const tool = { id: 'fs/read_file', definitionDigest: `sha256:${'a'.repeat(64)}`, version: '1', riskTier: 'read' as const };
    expect(ocsf(toolCallRequested({ tool }), policyDecided({ effect: 'deny' }), toolCallRefused())).toMatchObject({
      activity_id: 2,
      type_uid: 600302,
      status_id: 2,
      status_code: 'policy.denied',
      action_id: 2,
      disposition_id: 2,
      severity_id: 2,
    });
    expect(ocsf(toolCallRequested({ tool: null }), toolCallRefused({ code: 'scope.insufficient' }))).toMatchObject({
      activity_id: 99,
      disposition_id: 23,
    });
  });

  test('is none before the end, and a second one when a person settles a call in doubt', () => {
    const doubt = anEvent('ToolCallInDoubt', { attempt: 1, reason: 'edge lost' }, { id: 'doubt' });
    const resolved = anEvent('ToolCallResolved', { resolution: 'executed', resolvedBy: 'user:grace', note: '' }, { id: 'resolved' });
    expect(ocsf(toolCallRequested(), policyDecided(), toolCallDispatched())).toBeNull();
    expect(ocsf(toolCallRequested(), policyDecided(), toolCallDispatched(), doubt)).toMatchObject({
      severity_id: 4,
      is_alert: true,
      metadata: { uid: 'doubt' },
    });
    expect(ocsf(toolCallRequested(), policyDecided(), toolCallDispatched(), doubt, resolved)).toMatchObject({
      metadata: { uid: 'resolved' },
      status_id: 1,
    });
  });

  test('holds neither arguments nor results', () => {
    const text = JSON.stringify(
      ocsf(
        toolCallRequested({ paramsMasked: { path: 'ARGUMENT' } }),
        policyDecided(),
        toolCallDispatched(),
        toolCallCompleted({ outputMasked: 'RESULT' }),
      ),
    );
    expect(text).not.toMatch(/ARGUMENT|RESULT|sealed/);
  });
});

test('reads an instant as the clock of the machine does, in every year and zone', () => {
  for (const text of [
    '1970-01-01T00:00:00.000Z',
    '2000-02-29T23:59:59.999Z',
    '2026-11-21T12:00:00+05:30',
    '2100-03-01T00:00:00.1Z',
    '1969-12-31T23:59:59Z',
  ]) {
    expect(epochMsOf(text)).toBe(Date.parse(text));
  }
  expect(epochMsOf('yesterday')).toBeNull();
});
