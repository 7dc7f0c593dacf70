import { ApprovalSummary } from '@sallyport/contracts';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { createParser } from 'eventsource-parser';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { asTenant } from '../tenant-scope.js';
import { type ApprovalHarness, openApprovalHarness, type ParkedCall, type Replica } from '../testing/approval.harness.js';

let postgres: TestPostgres;
let harness: ApprovalHarness;
let replica: Replica;
let address: string;
let streams: AbortController;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  harness = await openApprovalHarness(postgres);
  replica = await harness.start();
  await replica.app.listen(0, '127.0.0.1');
  address = await replica.app.getUrl();
  streams = new AbortController();
});
afterEach(async () => {
  streams.abort();
  await harness.close();
  expect(harness.faults).toEqual([]);
});

const asked = async (call: ParkedCall = {}): Promise<{ callId: string; approvalId: string }> => {
  const { callId } = await harness.park(call);
  const event = await harness.heard('ApprovalRequested', callId ?? '');
  return { callId: callId ?? '', approvalId: event.data.approvalId };
};

const tail = (as: string | null, { cursor, query = '' }: { readonly cursor?: string; readonly query?: string } = {}): Promise<Response> =>
  fetch(`${address}/v1/approvals/tail${query}`, {
    headers: {
      ...(as === null ? {} : { authorization: `Bearer ${as}` }),
      ...(cursor === undefined ? {} : { 'last-event-id': cursor }),
    },
    signal: streams.signal,
  });

interface Seen {
  readonly id: string;
  readonly approval: ApprovalSummary;
}

/** Follows until told to stop; `next` resolves to what comes next, in order. */
const follow = async (as = 'user:grace', cursor?: string) => {
  const response = await tail(as, cursor === undefined ? {} : { cursor });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  if (response.body === null) throw new TypeError('no body');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const waiting: Seen[] = [];
  let isAlive = false;
  const parser = createParser({
    onComment: () => {
      isAlive = true;
    },
    onEvent: ({ id = '', event, data }) => {
      if (event === 'approval') waiting.push({ id, approval: ApprovalSummary.parse(JSON.parse(data)) });
    },
  });
  const read = async (): Promise<boolean> => {
    const { done, value = '' } = await reader.read();
    parser.feed(value);
    return !done;
  };
  // The first sign of life: from here on nothing is missed. An empty line may come before it.
  while (!isAlive) if (!(await read())) throw new Error('the stream ended');
  return {
    next: async (): Promise<Seen> => {
      for (;;) {
        const [first] = waiting.splice(0, 1);
        if (first !== undefined) return first;
        if (!(await read())) throw new Error('the stream ended');
      }
    },
  };
};

test('is for people who may answer', async () => {
  expect((await tail(null)).status).toBe(401);
  expect((await tail('user:grace!')).status).toBe(403);
  expect((await tail('user:grace', { query: '?cursor=abc' })).status).toBe(400);
  expect((await tail('user:grace', { query: '?other=1' })).status).toBe(400);
});

test('sends each request as it is asked and whenever it changes, as far as the one who follows may answer it, to its tenant alone', async () => {
  const grace = await follow();
  const ada = await follow('user:ada');
  const stranger = await follow('user:grace@globex');
  const { approvalId } = await asked();
  expect((await grace.next()).approval).toMatchObject({ approvalId, status: 'pending', mayAnswer: true, refusal: null });
  expect((await ada.next()).approval).toMatchObject({ approvalId, mayAnswer: false, refusal: 'approval.self-approval' });
  const rejected = await replica.http('POST', `/${approvalId}/reject`, 'user:olga', { why: 'no' });
  expect(rejected, JSON.stringify(rejected)).toMatchObject({ status: 200 });
  expect((await grace.next()).approval).toMatchObject({ approvalId, status: 'rejected', refusal: 'approval.already-answered' });
  const theirs = await asked({ tenantId: 'globex', chainId: 'chain-2' });
  expect((await stranger.next()).approval.approvalId).toBe(theirs.approvalId);
});

test('goes on behind the last one seen, and tells what happened meanwhile', async () => {
  const before = await follow();
  const first = await asked();
  const seen = await before.next();
  expect(seen.approval.approvalId).toBe(first.approvalId);
  await replica.http('POST', `/${first.approvalId}/grant`);
  const second = await asked({ args: { id: 8 } });
  const after = await follow('user:grace', seen.id);
  const told = [await after.next(), await after.next()].map(({ approval: { approvalId, status } }) => [approvalId, status]);
  expect(told).toEqual([
    [first.approvalId, 'granted'],
    [second.approvalId, 'pending'],
  ]);
  // A place that no stream ever gave: it begins now.
  const late = await follow('user:grace', '99999999999999999999');
  const third = await asked({ args: { id: 9 } });
  expect((await late.next()).approval.approvalId).toBe(third.approvalId);
});

test('misses no change that was begun before another and committed after it', async () => {
  const { approvalId } = await asked();
  const other = await asked({ args: { id: 8 } });
  const stream = await follow();
  const touch = `UPDATE approval_request SET version = version + 1, changed_tx = pg_current_xact_id() WHERE approval_id = $1`;
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const slow = asTenant(harness.database, 'acme', async (tx) => {
    await tx.query(touch, [approvalId]);
    begun.resolve();
    await go.promise;
    await tx.query(`SELECT pg_notify('sallyport_changed_approvals', 'acme')`);
  });
  await begun.promise;
  await replica.http('POST', `/${other.approvalId}/reject`, 'user:grace', { why: 'no' });
  const first = await stream.next();
  expect(first.approval).toMatchObject({ approvalId: other.approvalId, status: 'rejected' });
  go.resolve();
  await slow;
  expect((await stream.next()).approval.approvalId).toBe(approvalId);
  // Whoever had seen the first only is told of the second as well.
  const resumed = await follow('user:grace', first.id);
  const told = new Set([(await resumed.next()).approval.approvalId, (await resumed.next()).approval.approvalId]);
  expect(told).toEqual(new Set([approvalId, other.approvalId]));
});

test('is refused to a tenant that follows too many times already, and to no other', async () => {
  await Promise.all(Array.from({ length: 32 }, () => follow()));
  const refused = await tail('user:olga');
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([429, 'request.too-many-streams']);
  await follow('user:grace@globex');
});

test('ends with the service, so that nobody waits for it', async () => {
  const stream = await follow();
  const ended = expect(stream.next()).rejects.toThrow();
  await replica.close();
  await ended;
});
