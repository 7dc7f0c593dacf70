// Literal values of what others depend on, never imported from the sources. A red pin means "decide", not "forbidden": a change here is a change
// of public API, and belongs in CHANGELOG.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ERRORS,
  EVENT_DEFINITIONS,
  encodeEvent,
  HTTP_HEADERS,
  JWT_CLAIMS,
  META_KEYS,
  RECORD_HEADERS,
  SERVICES,
  TOPICS,
} from '@sallyport/contracts';
import { ONE_PROCESS, ONE_SERVICE, ROOT_FOLDER } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';

const TOPIC_LAYOUT: readonly (readonly [name: string, writer: string, partitions: number, cleanup: string, key: string])[] = [
  ['tool-call.events.v1', 'edge-gateway', 8, 'delete', 'chainId'],
  ['policy.events.v1', 'policy-decision', 8, 'delete', 'chainId'],
  ['budget.events.v1', 'budget-accountant', 8, 'delete', 'chainId'],
  ['approval.events.v1', 'approval', 8, 'delete', 'chainId'],
  ['catalog.state.v1', 'policy-decision', 1, 'compact', 'tenantId + id'],
  ['policy.state.v1', 'policy-decision', 1, 'compact', 'tenantId + id'],
  ['controls.state.v1', 'policy-decision', 1, 'compact', 'tenantId + id'],
  ['budget.state.v1', 'budget-accountant', 1, 'compact', 'tenantId + id'],
  ['audit.ocsf.v1', 'audit-projector', 8, 'delete', 'tenantId'],
  ['audit.checkpoints.v1', 'audit-projector', 1, 'delete', 'log id'],
  ['edge-gateway.dead-letter.v1', 'edge-gateway', 1, 'delete', 'key of the failed record'],
  ['policy-decision.dead-letter.v1', 'policy-decision', 1, 'delete', 'key of the failed record'],
  ['budget-accountant.dead-letter.v1', 'budget-accountant', 1, 'delete', 'key of the failed record'],
  ['approval.dead-letter.v1', 'approval', 1, 'delete', 'key of the failed record'],
  ['audit-projector.dead-letter.v1', 'audit-projector', 1, 'delete', 'key of the failed record'],
];

const EVENT_TYPES = [
  'ToolCallRequested.v1',
  'ToolCallReevaluationRequested.v1',
  'ToolCallParked.v1',
  'ToolCallResumed.v1',
  'ToolCallRefused.v1',
  'ToolCallDispatched.v1',
  'ToolCallCompleted.v1',
  'ToolCallFailed.v1',
  'ToolCallPlanned.v1',
  'ToolCallInputRequired.v1',
  'ToolCallInDoubt.v1',
  'ToolCallResolved.v1',
  'ToolCallAbandoned.v1',
  'ToolCallCancelled.v1',
  'RequestRejected.v1',
  'ConsoleSessionOpened.v1',
  'ConsoleSessionEnded.v1',
  'ToolDefinitionsObserved.v1',
  'PolicyDecided.v1',
  'PolicyDecided.v2',
  'PolicyChanged.v1',
  'PolicySetInForce.v1',
  'CatalogChanged.v1',
  'DefinitionPinned.v1',
  'DefinitionDrifted.v1',
  'ToolInCatalog.v1',
  'ControlChanged.v1',
  'ControlInForce.v1',
  'ChainPoisoned.v1',
  'ChainCleared.v1',
  'BudgetReserved.v1',
  'BudgetReservationRefused.v1',
  'BudgetSettled.v1',
  'BudgetReleased.v1',
  'BudgetOverran.v1',
  'BudgetQuoted.v1',
  'BudgetLimitChanged.v1',
  'PriceListChanged.v1',
  'BudgetAccountInForce.v1',
  'ApprovalRequested.v1',
  'ApprovalGranted.v1',
  'ApprovalRejected.v1',
  'ApprovalExpired.v1',
  'ApprovalWithdrawn.v1',
  'ApprovalParamsUnmasked.v1',
  'ApprovalRuleChanged.v1',
  'AuditCheckpoint.v1',
  'OcsfApiActivity.v1',
  'OcsfAuthentication.v1',
];

const ERROR_CODES: readonly (readonly [code: string, http: number, rpc: number, retryable: boolean])[] = [
  ['approval.already-answered', 409, -31409, false],
  ['approval.changed', 409, -31409, false],
  ['approval.expired', 403, -31403, false],
  ['approval.mismatch', 409, -31409, false],
  ['approval.rejected', 403, -31403, false],
  ['approval.required', 403, -31403, false],
  ['approval.self-approval', 403, -31403, false],
  ['approval.unavailable', 503, -31503, true],
  ['approval.withdrawn', 403, -31403, false],
  ['budget.exhausted', 402, -31402, false],
  ['budget.rate-limited', 429, -31429, true],
  ['budget.unattributable', 403, -31403, false],
  ['budget.unavailable', 503, -31503, true],
  ['call.cancelled', 499, -31499, true],
  ['call.deadline-passed', 504, -31504, true],
  ['call.ended', 409, -31409, false],
  ['call.in-doubt', 409, -31409, false],
  ['call.lost', 503, -31503, true],
  ['call.tenant-saturated', 429, -31429, true],
  ['catalog.not-callable', 403, -31403, false],
  ['chain.poisoned', 403, -31403, false],
  ['configuration.invalid', 500, -31500, false],
  ['console.cross-site', 403, -31403, false],
  ['console.login-failed', 401, -31401, false],
  ['console.session-missing', 401, -31401, false],
  ['content.arguments-too-deep', 400, -32602, false],
  ['content.arguments-too-large', 413, -31413, false],
  ['contract.invalid-event', 500, -31500, false],
  ['contract.newer-event', 503, -31503, true],
  ['contract.unknown-event', 500, -31500, false],
  ['control.killed', 403, -31403, false],
  ['idempotency.mismatch', 422, -31422, false],
  ['identity.forbidden', 403, -31403, false],
  ['identity.keys-unavailable', 503, -31503, true],
  ['identity.token-invalid', 401, -31401, false],
  ['identity.token-missing', 401, -31401, false],
  ['internal.error', 500, -31500, true],
  ['invoke.arguments-invalid', 422, -32602, false],
  ['log.position-lost', 503, -31503, true],
  ['log.unavailable', 503, -31503, true],
  ['plan.unsupported', 422, -31422, false],
  ['policy.denied', 403, -31403, false],
  ['policy.invalid', 422, -31422, false],
  ['policy.unavailable', 503, -31503, true],
  ['request.body-too-large', 413, -31413, false],
  ['request.envelope-invalid', 400, -32602, false],
  ['request.header-mismatch', 400, -32020, false],
  ['request.headers-too-large', 431, -31431, false],
  ['request.host-refused', 403, -31403, false],
  ['request.invalid', 400, -32600, false],
  ['request.method-not-allowed', 405, -32600, false],
  ['request.not-acceptable', 406, -32600, false],
  ['request.not-found', 404, -32601, false],
  ['request.origin-refused', 403, -31403, false],
  ['request.parse-error', 400, -32700, false],
  ['request.timeout', 408, -31408, true],
  ['request.too-many-streams', 429, -31429, true],
  ['request.unknown-method', 404, -32601, false],
  ['request.unsupported-media-type', 415, -32600, false],
  ['request.unsupported-version', 400, -32022, false],
  ['result.not-retained', 410, -31410, false],
  ['scope.insufficient', 403, -31403, false],
  ['sealing.open-failed', 500, -31500, false],
  ['session.unknown', 404, -32600, false],
  ['store.platform-unsupported', 500, -31500, false],
  ['store.start-failed', 500, -31500, false],
  ['store.unavailable', 503, -31503, true],
  ['stream.conflict', 409, -31409, true],
  ['tool.unknown', 404, -32602, false],
  ['upstream.answer-invalid', 502, -31502, false],
  ['upstream.answer-too-large', 502, -31502, false],
  ['upstream.circuit-open', 503, -31503, true],
  ['upstream.failed', 502, -31502, false],
  ['upstream.timeout', 504, -31504, false],
  ['upstream.unreachable', 503, -31503, true],
];

describe('what others depend on stays as it is', () => {
  test('services, which are also roles, schemas and consumer groups', () =>
    expect(SERVICES).toEqual(['edge-gateway', 'policy-decision', 'budget-accountant', 'approval', 'audit-projector']));

  test('topics: name, writer, partitions (fixed for life), cleanup, key', () =>
    expect(Object.entries(TOPICS).map(([name, { from, partitions, cleanup, key }]) => [name, from, partitions, cleanup, key])).toEqual(
      TOPIC_LAYOUT,
    ));

  test('event types and versions', () => expect(EVENT_DEFINITIONS.map(({ type, version }) => `${type}.v${version}`)).toEqual(EVENT_TYPES));

  test('error codes with their status, JSON-RPC code and whether to retry', () =>
    expect(Object.entries(ERRORS).map(([code, { http, rpc, retryable }]) => [code, http, rpc, retryable])).toEqual(ERROR_CODES));

  test('HTTP headers', () =>
    expect(HTTP_HEADERS).toEqual({
      callId: 'Sallyport-Call-Id',
      model: 'Sallyport-Model',
      prompt: 'Sallyport-Prompt',
      intent: 'Sallyport-Intent',
      workflow: 'Sallyport-Workflow',
      plan: 'Sallyport-Plan',
      idempotencyKey: 'Idempotency-Key',
      csrf: 'Sallyport-Csrf',
    }));

  test('_meta keys', () =>
    expect(META_KEYS).toEqual({
      callId: 'io.sallyport/call-id',
      model: 'io.sallyport/model',
      prompt: 'io.sallyport/prompt',
      intent: 'io.sallyport/intent',
      workflow: 'io.sallyport/workflow',
      plan: 'io.sallyport/plan',
      idempotencyKey: 'io.sallyport/idempotency-key',
      approval: 'io.sallyport/approval',
      error: 'io.sallyport/error',
    }));

  test('JWT claims', () =>
    expect(JWT_CLAIMS).toEqual({
      tenant: 'sallyport_tenant',
      workflow: 'sallyport_workflow',
      mode: 'sallyport_mode',
      environment: 'sallyport_environment',
    }));

  test('headers of a record', () =>
    expect(RECORD_HEADERS).toEqual({ traceparent: 'traceparent', edgeId: 'edge-id', contentType: 'content-type' }));

  test('the CloudEvents attributes of an event on the wire', () => {
    const { topic, key, headers, value } = encodeEvent({
      id: '019a3f5c-77a1-7c3e-9d21-6b1f0e2a4c88',
      type: 'ToolCallInDoubt',
      version: 1,
      source: '/edge-gateway/edge-1',
      occurredAt: '2026-11-21T12:00:00.000Z',
      tenantId: 'acme',
      key: 'chain-1',
      callId: 'call-1',
      chainId: 'chain-1',
      subject: 'user:ada',
      actor: 'agent:triage',
      causationId: 'cause-1',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      edgeId: 'edge-1',
      data: { attempt: 1, reason: 'lost' },
    });
    expect({ topic, key, value }).toEqual({ topic: 'tool-call.events.v1', key: 'chain-1', value: '{"attempt":1,"reason":"lost"}' });
    expect(headers).toEqual({
      ce_specversion: '1.0',
      ce_id: '019a3f5c-77a1-7c3e-9d21-6b1f0e2a4c88',
      ce_source: '/edge-gateway/edge-1',
      ce_type: 'io.sallyport.ToolCallInDoubt.v1',
      ce_time: '2026-11-21T12:00:00.000Z',
      ce_partitionkey: 'chain-1',
      ce_tenantid: 'acme',
      ce_traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      ce_subject: 'call-1',
      ce_correlationid: 'call-1',
      ce_chainid: 'chain-1',
      ce_causationid: 'cause-1',
      ce_authtype: 'app_user',
      ce_authid: 'user:ada',
      ce_actorid: 'agent:triage',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'edge-id': 'edge-1',
      'content-type': 'application/json',
    });
  });
});

describe('how the product starts its Node', () => {
  const linesOf = (path: string): string[] => readFileSync(join(ROOT_FOLDER, path), 'utf8').split('\n');

  test('is the same from npm start, from the command line and under test', () => {
    const { flags, env } = ONE_PROCESS;
    expect(flags).toEqual(['--max-semi-space-size=16', '--heap-growing-percent=40']);
    expect(env).toEqual({ MALLOC_MMAP_THRESHOLD_: '131072' });
    const [variables] = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    expect(linesOf('apps/cli/bin/sallyport.mjs')[0]).toBe(`#!/usr/bin/env -S ${variables} node ${flags.join(' ')}`);
    const starting = linesOf('tools/run/cli.mjs');
    expect(starting).toContain(`const FLAGS = [${flags.map((flag) => `'${flag}'`).join(', ')}];`);
    expect(starting).toContain(`const ENVIRONMENT = { ${Object.entries(env).map(([name, value]) => `${name}: '${value}'`)} };`);
  });

  test('is the same for services by the manual and under test', () => {
    expect(ONE_SERVICE).toEqual({ flags: ['--max-semi-space-size=32'], env: {} });
    const manual = linesOf('docs/how-to/run-on-kafka.md').filter((line) => line.includes('dist/bundles/'));
    expect(manual).not.toEqual([]);
    for (const line of manual) expect(line.trim()).toMatch(new RegExp(`^node ${ONE_SERVICE.flags.join(' ')} `));
  });
});
