import { type AnyEnvelope, AWAITING_RESEND } from '@sallyport/contracts';
import { anEvent, policyDecided, requestFacts, toolCallCompleted, toolCallDispatched, toolCallRefused } from '@sallyport/testing';

const HASH = 'h'.repeat(43);
const DIGEST = `sha256:${'a'.repeat(64)}`;
const EXPIRES_AT = '2026-11-21T13:00:00.000Z';
const MONEY = { amounts: [{ account: 'user:ada', amountMicros: 1_500, calls: 1 }], currency: 'USD' };

/** What every life begins with: asked for, to be answered by people, parked. */
const beginning = (approvalId: string): AnyEnvelope[] => [
  anEvent('ToolCallRequested', {
    ...{ ...requestFacts(), sealedParams: 'sealed', idempotencyKeyHash: null, ttlMs: 8_000, requires: ['policy', 'budget'] },
  }),
  anEvent('BudgetReserved', { ...MONEY, priceListVersion: '1' }),
  policyDecided({ effect: 'require-approval', policyIds: ['ask'] }),
  anEvent('ToolCallParked', { approvalRuleIds: ['money'], paramsHash: HASH, toolDigest: DIGEST, expiresAt: EXPIRES_AT }),
  anEvent('BudgetReleased', { ...MONEY, reason: 'parked' }),
  anEvent('ApprovalRequested', {
    ...{ approvalId, paramsHash: HASH, toolDigest: DIGEST, principal: requestFacts().principal, tool: 'fs/write_file', paramsMasked: {} },
    ...{ ruleIds: ['money'], approvers: ['user:grace'], quorum: 1, expiresAt: EXPIRES_AT },
  }),
];

const agreed = (approvalId: string): AnyEnvelope[] => [
  anEvent('ApprovalGranted', {
    ...{ approvalId, paramsHash: HASH, toolDigest: DIGEST, grantedBy: ['user:grace'], channel: 'console', expiresAt: EXPIRES_AT },
    ...{ ruleIds: ['money'], votes: [{ by: 'user:grace', at: '2026-11-21T12:00:20.000Z', channel: 'console' }] },
  }),
  anEvent('ToolCallResumed', { approvalId, evaluation: 2, edgeId: 'edge-1' }),
  anEvent('BudgetReserved', { ...MONEY, priceListVersion: '1' }),
  policyDecided({ evaluation: 2, approvalId }, `${approvalId}-decided`),
  toolCallDispatched({ decisionId: `${approvalId}-decided`, approvalId }),
];

/** Lives of calls that people were asked about, by how they ended. */
export const LIVES = ['waiting', 'executed', 'rejected', 'told to come again', 'in doubt', 'settled by a person'] as const;
export type Life = (typeof LIVES)[number];

const ending = (life: Life, approvalId: string): AnyEnvelope[] => {
  const inDoubt = anEvent('ToolCallInDoubt', { attempt: 1, reason: 'the edge died' });
  switch (life) {
    case 'waiting':
      return [];
    case 'executed':
      return [...agreed(approvalId), toolCallCompleted(), anEvent('BudgetSettled', MONEY)];
    case 'rejected':
      return [
        anEvent('ApprovalRejected', { approvalId, rejectedBy: 'user:grace', channel: 'console', why: 'no' }),
        toolCallRefused({ stage: 'approval', code: 'approval.rejected', reasons: [] }),
      ];
    case 'told to come again':
      return [anEvent('ToolCallAbandoned', { stage: 'parked', reason: AWAITING_RESEND })];
    case 'in doubt':
      return [...agreed(approvalId), inDoubt];
    case 'settled by a person':
      return [
        ...[...agreed(approvalId), inDoubt],
        anEvent('ToolCallResolved', { resolution: 'not-executed', resolvedBy: 'user:grace', note: '' }),
        anEvent('BudgetReleased', { ...MONEY, reason: 'not-executed' }),
      ];
  }
};

/** The events of such a call, each topic's in its order, with ids of their own. */
export const aWaitingCall = (number: number, life: Life, tenantId = 'acme'): AnyEnvelope[] => {
  const callId = `waits-${String(number).padStart(5, '0')}`;
  const approvalId = `${callId}-approval`;
  const chainId = `chain-${number % 5}`;
  return [...beginning(approvalId), ...ending(life, approvalId)].map((event, index) => ({
    ...event,
    ...{
      callId,
      tenantId,
      chainId,
      key: chainId,
      occurredAt: new Date(Date.UTC(2026, 10, 21, 12, 0, index, number % 1_000)).toISOString(),
    },
    id: event.id === `${approvalId}-decided` ? event.id : `${callId}-${index}`,
  }));
};
