import { describeWithKafka, type KafkaGround, startKafkaGround } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApprovalHarness, openApprovalHarness, RULE } from './testing/approval.harness.js';

const dispatched = {
  ...{ server: 'fs', routeVersion: '1', attempt: 1, tokenId: null, toolDigest: `sha256:${'a'.repeat(64)}`, decisionId: 'd', dryRun: false },
  redactions: [],
};

describeWithKafka({ describe, skip: describe.skip, test }, 'on Kafka', () => {
  let ground: KafkaGround;
  let harness: ApprovalHarness;
  beforeAll(async () => {
    ground = await startKafkaGround();
  }, 120_000);
  afterAll(() => ground?.stop());
  beforeEach(async () => {
    harness = await openApprovalHarness(ground.postgres, { openLog: ground.openLog });
  });
  afterEach(async () => {
    await harness.close();
    expect(harness.faults).toEqual([]);
  });

  test('asks, answers and uses once; what comes again changes nothing, and a changed byte asks anew', { timeout: 120_000 }, async () => {
    const replica = await harness.start();
    const event = await harness.park();
    const callId = event.callId ?? '';
    const { data } = await harness.heard('ApprovalRequested', callId);
    await harness.append(event);
    const answers = await Promise.all(
      ['user:grace', 'user:olga', 'user:ada'].map((person) => replica.http('POST', `/${data.approvalId}/grant`, person, {})),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 409]);
    await harness.heard('ApprovalGranted', callId);
    await harness.settled();
    expect(harness.said(callId).map(({ type }) => type)).toEqual(['ApprovalRequested', 'ApprovalGranted']);
    const { callId: changed } = await harness.park({ args: { id: 8 } });
    expect((await harness.heard('ApprovalRequested', changed ?? '')).data.approvalId).not.toBe(data.approvalId);
    const { callId: again } = await harness.park({ chainId: 'chain-2' });
    expect((await harness.heard('ApprovalGranted', again ?? '')).data.approvalId).toBe(data.approvalId);
    await harness.say('ToolCallDispatched', dispatched, callId);
    await harness.settled();
    const { callId: late } = await harness.park();
    expect((await harness.heard('ApprovalRequested', late ?? '')).data.approvalId).not.toBe(data.approvalId);
  });

  test('ends by another replica what the first one asked', { timeout: 120_000 }, async () => {
    const first = await harness.start([RULE], 'approval-1');
    const { callId } = await harness.park();
    const { data } = await harness.heard('ApprovalRequested', callId ?? '');
    await first.close();
    harness.clock.advance(RULE.waitSeconds * 1_000);
    const second = await harness.start([RULE], 'approval-2');
    await harness.heard('ApprovalExpired', callId ?? '');
    expect((await second.http('POST', `/${data.approvalId}/grant`)).body.code).toBe('approval.expired');
  });
});
