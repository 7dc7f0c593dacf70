import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CallsInDoubt, HoldsInDoubt, META_KEYS, type ResolvedCall } from '@sallyport/contracts';
import { type Cluster, ROOT_FOLDER, startCluster, until } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent, type Answer, aTrace } from './agent.js';
import { describeSizes } from './sizes.js';

const SIZES = {
  'postgres-separate': 'a process per service on one PostgreSQL',
  'kafka-separate': 'a process per service on Kafka',
} as const;
const OPERATOR = { subject: 'grace', scopes: ['sallyport:operate', 'sallyport:audit'] };
/** Half a minute of silence, a sweep, and a slow machine. */
const RECOVERED_MS = 90_000;
const PROGRAM = join(ROOT_FOLDER, 'apps', 'cli', 'dist', 'main.js');
const run = promisify(execFile);

describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ size, configuration: { gateway: { callTtlMs: 20_000, decisionTimeoutMs: 15_000 } } });
  });
  afterAll(() => cluster?.close());

  const agentOf = async (agent: 'writer' | 'triage'): Promise<Agent> =>
    await Agent.modern(`${cluster.gatewayUrl}/mcp/story`, await cluster.token({ subject: 'ada', agent }));
  /** One call by a client that lives no longer; resolves to `null` when its gateway died. */
  const callBy = async (client: Agent, tool: string, key: string | null, traceId = aTrace().traceId): Promise<Answer | null> => {
    const meta = key === null ? {} : { [META_KEYS.idempotencyKey]: key };
    try {
      return await client.call(tool, tool === 'write' ? { text: key ?? 'none' } : {}, { traceId, meta });
    } catch {
      return null;
    } finally {
      await client.close().catch(() => {});
    }
  };
  const writeAgain = async (key: string): Promise<Answer | null> => callBy(await agentOf('writer'), 'write', key);
  const cli = async (...args: string[]): Promise<string> => {
    const env = { PATH: process.env.PATH ?? '', SALLYPORT_URL: cluster.gatewayUrl, SALLYPORT_TOKEN: await cluster.token(OPERATOR) };
    return (await run(process.execPath, [PROGRAM, 'call', ...args], { env })).stdout;
  };

  test('every call that a killed gateway left open is told as what it was: sent, read or never sent; a write runs at most once', {
    timeout: 300_000,
  }, async () => {
    const { upstream, record } = cluster;
    const edge = cluster.service('edge-gateway');
    const trace = { sent: aTrace().traceId, read: aTrace().traceId, unsent: aTrace().traceId };
    upstream.held.add('write');
    // A session is decided upon like anything else, so all begin before decisions are held.
    const [first, second, third] = [await agentOf('writer'), await agentOf('triage'), await agentOf('writer')];
    const lost = [callBy(first, 'write', 'sent', trace.sent), callBy(second, 'wait', null, trace.read)];
    await Promise.all([upstream.arrival('write', 0), upstream.arrival('wait', 0)]);
    const decideAgain = await cluster.holdDecisions();
    lost.push(callBy(third, 'write', 'unsent', trace.unsent));
    await until('the third call is asked for', async () => ((await record.calls({ traceId: trace.unsent })).length > 0 ? true : undefined));
    await edge.kill();
    await decideAgain();
    expect(await Promise.all(lost)).toEqual([null, null, null]);
    upstream.held.clear();
    upstream.release();
    edge.start();
    await edge.ready();

    const [doubted] = await until(
      'a call is in doubt',
      async () => {
        const { calls } = CallsInDoubt.parse(JSON.parse((await cluster.fetchAs(OPERATOR, '/v1/calls/in-doubt')).text));
        return calls.length > 0 ? calls : undefined;
      },
      RECOVERED_MS,
    );
    if (doubted === undefined) throw new Error('nothing is in doubt');
    expect(doubted).toMatchObject({ target: 'story/write', subject: 'user:ada', actor: 'agent:writer' });

    const sent = await record.callOfTrace(trace.sent, 'tools/call', RECOVERED_MS);
    expect(sent.call).toMatchObject({ callId: doubted.callId, outcome: 'in-doubt' });
    const read = await record.callOfTrace(trace.read, 'tools/call', RECOVERED_MS);
    expect(read.call).toMatchObject({ outcome: 'failed', code: 'call.lost' });
    const unsent = await record.callOfTrace(trace.unsent, 'tools/call', RECOVERED_MS);
    expect(unsent.call).toMatchObject({ outcome: 'abandoned' });
    expect(unsent.types).not.toContain('ToolCallDispatched');
    expect(upstream.callsOf('write')).toHaveLength(1);

    expect(await writeAgain('unsent')).toMatchObject({ isError: false });
    expect(await writeAgain('sent')).toMatchObject({ isError: true, code: 'call.in-doubt' });
    const budget = { base: cluster.service('budget-accountant').url };
    const holds = async () =>
      HoldsInDoubt.parse(JSON.parse((await cluster.fetchAs(OPERATOR, '/v1/budgets/in-doubt', budget)).text)).holds.map(
        (hold) => hold.callId,
      );
    expect(await holds()).toEqual([doubted.callId]);

    expect(await cli('list', '--in-doubt')).toContain(doubted.callId);
    const resolved: ResolvedCall = JSON.parse(await cli('resolve', doubted.callId, '--executed', '--note', 'seen in its log', '--json'));
    expect(resolved).toEqual({ callId: doubted.callId, resolution: 'executed', resolvedBy: 'user:grace', note: 'seen in its log' });
    await expect(cli('resolve', doubted.callId, '--not-executed', '--note', 'no')).rejects.toMatchObject({ code: 1 });
    expect(await cli('list', '--in-doubt')).toBe('No call is in doubt.\n');
    expect(await writeAgain('sent')).toMatchObject({ isError: true, code: 'result.not-retained' });
    await until('nothing is held in doubt', async () => ((await holds()).length === 0 ? true : undefined));
    await until('the record says so', async () => ((await record.call(doubted.callId)).call.outcome === 'completed' ? true : undefined));
    expect(upstream.callsOf('write')).toHaveLength(2);
  });
});
