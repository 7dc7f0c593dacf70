import type { ApprovalDetail } from '@sallyport/contracts';
import { expect, test } from 'vitest';
import { formatApproval, formatApprovalLine } from './index.js';

const DETAIL: ApprovalDetail = {
  approvalId: '019ab000-0000-7000-8000-000000000001',
  status: 'pending',
  askedAt: '2026-11-21T12:00:00.000Z',
  expiresAt: '2026-11-21T12:15:00.000Z',
  tool: { id: 'crm/delete', definitionDigest: `sha256:${'1'.repeat(64)}`, version: '1', riskTier: 'write-high' },
  subject: 'user:ada',
  actors: ['agent:triage', 'agent:planner'],
  environment: 'production',
  demands: [{ ruleId: 'finance', approvers: ['user:grace', 'user:olga'], quorum: 2, answeredBy: ['user:grace'] }],
  ...{ mayAnswer: true, refusal: null },
  callId: 'call-1',
  issuer: 'https://login.example',
  clientId: null,
  mode: 'interactive',
  paramsMasked: { id: 7, note: '[pii.email]' },
  paramsHash: 'a'.repeat(43),
  redactions: [{ path: '/note', label: 'pii.email', detector: 'email', count: 1 }],
  labels: ['pii.email'],
  reasons: ['Deletes ask a person.'],
  policyIds: ['deletes-ask'],
  price: { amountMicros: 4_000, currency: 'USD', accounts: ['tenant:acme', 'user:ada'], priceListVersion: '1' },
  votes: [{ by: 'user:grace', at: '2026-11-21T12:01:00.000Z', channel: 'http' }],
  claimed: { model: 'model-1', prompt: null, intent: 'tidy up\u202e', workflow: null, session: null, client: null },
  waitingCalls: 1,
  outcome: null,
  history: { used: 3, granted: 0, rejected: 1, expired: 0, withdrawn: 0 },
  historyOfSame: { used: 1, granted: 0, rejected: 0, expired: 0, withdrawn: 0 },
  alike: [],
};

test('says on one line who asks for what and how far it is', () =>
  expect(formatApprovalLine(DETAIL)).toBe(
    '019ab000-0000-7000-8000-000000000001 pending user:ada via agent:planner via agent:triage asks for crm/delete (write-high) 1/2 until 2026-11-21T12:15:00.000Z',
  ));

test('shows all that is asked, and calls claimed what nobody verified', () => {
  const text = formatApproval(DETAIL);
  expect(text).toContain('parameters  {"id":7,"note":"[pii.email]"}');
  expect(text).toContain('masked      pii.email ×1 at /note');
  expect(text).toContain('rule        finance: 2 of user:grace, user:olga; agreed user:grace');
  expect(text).toContain('claimed     model model-1, intent "tidy up\\u{202e}" (said by the agent, verified by nobody)');
  expect(text).toContain('price       0.004000 USD, to tenant:acme, user:ada');
  expect(text).toContain('alike       used 3, granted 0, rejected 1, expired 0, withdrawn 0; exactly this: used 1, rejected 0');
  expect(text).not.toContain('\u202e');
});

test('lets no name add a line or a field', () => {
  const line = formatApprovalLine({ ...DETAIL, subject: 'user:ada\n019ab… granted', actors: ['agent:a until 2030'] });
  expect(line).not.toContain('\n');
  expect(line).toContain('"agent:a until 2030"');
});
