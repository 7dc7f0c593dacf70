import { type EventData, encodeEvent, type Principal } from '@sallyport/contracts';
import { MemoryEventLog } from '@sallyport/log';
import { expect, test } from 'vitest';
import { approvalStatusOf } from './approval-status.js';
import { ApprovalView } from './approval-view.js';

const principal: Principal = {
  ...{ subject: 'user:ada', actors: ['agent:writer'], tenantId: 'acme', issuer: 'https://issuer.example', scopes: [], mode: 'interactive' },
  ...{ clientId: null, environment: 'test', tokenSource: 'test', workflow: null },
};
const HASHES = { paramsHash: 'h'.repeat(43), toolDigest: `sha256:${'a'.repeat(64)}` };
const UNTIL = '2999-01-01T00:00:00.000Z';
const asked: EventData<'ApprovalRequested'> = {
  ...{
    approvalId: 'a1',
    ...HASHES,
    principal,
    tool: 'fs/move',
    paramsMasked: null,
    ruleIds: ['r'],
    approvers: ['*'],
    quorum: 1,
    expiresAt: UNTIL,
  },
};

let count = 0;
const record = (type: 'ApprovalRequested' | 'ApprovalGranted' | 'ApprovalRejected', data: object) =>
  encodeEvent({
    ...{
      id: `event-${++count}`,
      type,
      version: 1,
      source: '/approval/test',
      occurredAt: '2026-11-21T12:00:00.000Z',
      tenantId: 'acme',
      key: 'chain',
    },
    ...{ callId: 'c1', chainId: 'chain', subject: 'user:ada', actor: null, causationId: null, edgeId: 'another-edge' },
    ...{ traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, data },
  } as Parameters<typeof encodeEvent>[0]);

const viewOf = async (...records: ReturnType<typeof record>[]) => {
  const log = new MemoryEventLog();
  await log.append(records);
  const view = new ApprovalView(log, 'edge-1');
  await view.start();
  return (who: Principal, approvalId: unknown = 'a1') => approvalStatusOf({ arguments: { approvalId } } as never, who, view);
};

test('tells who asked what became of it, whichever instance they asked', async () => {
  const pending = await viewOf(record('ApprovalRequested', asked));
  expect(pending(principal)).toMatchObject({
    structuredContent: { approvalId: 'a1', status: 'pending', tool: 'fs/move', expiresAt: UNTIL },
  });
  const granted = await viewOf(
    record('ApprovalRequested', asked),
    record('ApprovalGranted', { approvalId: 'a1', ...HASHES, grantedBy: ['user:grace'], channel: 'cli', expiresAt: UNTIL, ruleIds: ['r'] }),
    record('ApprovalRequested', asked),
  );
  expect(granted(principal)).toMatchObject({ structuredContent: { status: 'granted' } });
  const rejected = await viewOf(
    record('ApprovalRequested', asked),
    record('ApprovalRejected', { approvalId: 'a1', rejectedBy: 'user:grace', channel: 'cli', why: 'not today' }),
  );
  expect(rejected(principal)).toMatchObject({ structuredContent: { status: 'rejected', why: 'not today' } });
});

test('tells nobody else anything, not even that there is a question', async () => {
  const status = await viewOf(record('ApprovalRequested', asked));
  const unknown = status(principal, 'no-such-id');
  expect(unknown).toMatchObject({ isError: true });
  for (const over of [{ tenantId: 'globex' }, { subject: 'user:eve' }, { actors: [] }, { issuer: 'https://other.example' }])
    expect(status({ ...principal, ...over })).toEqual(unknown);
  expect(status(principal, { $ne: 1 })).toEqual(unknown);
  expect(status(principal, null)).toEqual(unknown);
});
