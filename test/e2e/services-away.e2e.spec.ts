import { getPriority } from 'node:os';
import { type Cluster, startCluster, until } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent, aTrace } from './agent.js';
import { describeSizes } from './sizes.js';

const SIZES = {
  'postgres-separate': 'a process per service on one PostgreSQL',
  'kafka-separate': 'a process per service on Kafka',
} as const;

describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  let agent: Agent;
  beforeAll(async () => {
    cluster = await startCluster({ size });
    agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/story`, await cluster.token({ subject: 'ada', agent: 'triage' }));
  });
  afterAll(async () => {
    await agent?.close();
    await cluster?.close();
  });

  test('while the decision point is away every call is refused in bounded time, and none that waited is executed later', async () => {
    expect(await agent.call('echo', { text: 'before' })).toMatchObject({ isError: false });
    const before = cluster.upstream.callsOf('echo').length;
    await cluster.service('policy-decision').kill();
    const answer = await agent.call('echo', { text: 'while away' });
    expect(answer).toMatchObject({ isError: true, code: 'policy.unavailable' });
    expect(answer.text).toContain('Nothing was sent');
    expect(answer.waitedMs).toBeGreaterThan(2_500);
    expect(answer.waitedMs).toBeLessThan(8_000);
    console.info(`${size}: the decision point was away: ${answer.code} after ${Math.round(answer.waitedMs)} ms`);
    const { call } = await cluster.record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ outcome: 'refused', code: 'policy.unavailable' });

    cluster.service('policy-decision').start();
    await cluster.service('policy-decision').ready();
    const back = await until('a call is decided again', async () => {
      const again = await agent.call('echo', { text: 'after' });
      return again.isError ? undefined : again;
    });
    expect(back).toMatchObject({ text: 'after' });
    const reached = cluster.upstream.callsOf('echo').slice(before);
    expect(new Set(reached.map((received) => received.arguments.text))).toEqual(new Set(['after']));
    const late = await cluster.record.callOfTrace(answer.traceId);
    expect(late.call).toMatchObject({ outcome: 'refused', code: 'policy.unavailable' });
  });

  test('the record gives way to the services that calls wait for', () => {
    const nicenessOf = (name: Parameters<Cluster['service']>[0]): number => getPriority(cluster.service(name).pid ?? Number.NaN);
    for (const name of ['edge-gateway', 'policy-decision', 'budget-accountant', 'approval'] as const)
      expect(nicenessOf(name)).toBe(getPriority());
    expect(nicenessOf('audit-projector')).toBe(Math.max(getPriority(), 5));
  });

  test('a decision point that hangs without dying is as good as away, and goes on when it wakes', async () => {
    const before = cluster.upstream.callsOf('echo').length;
    cluster.service('policy-decision').pause();
    const answer = await agent.call('echo', { text: 'while it sleeps' }).finally(() => cluster.service('policy-decision').resume());
    expect(answer).toMatchObject({ isError: true, code: 'policy.unavailable' });
    await until('a call is decided again', async () => ((await agent.call('echo', { text: 'awake' })).isError ? undefined : true));
    expect(
      new Set(
        cluster.upstream
          .callsOf('echo')
          .slice(before)
          .map((received) => received.arguments.text),
      ),
    ).toEqual(new Set(['awake']));
  });

  test('while the accountant is away no tool is called, lists go on, and none that waited is executed later', async () => {
    const before = cluster.upstream.callsOf('echo').length;
    await cluster.service('budget-accountant').kill();
    expect(await agent.list()).toContain('echo');
    const answer = await agent.call('echo', { text: 'unpaid' });
    expect(answer).toMatchObject({ isError: true, code: 'budget.unavailable' });
    expect(answer.text).toContain('Nothing was sent');
    console.info(`${size}: the accountant was away: ${answer.code} after ${Math.round(answer.waitedMs)} ms`);
    cluster.service('budget-accountant').start();
    await cluster.service('budget-accountant').ready();
    await until('a call is paid for again', async () => ((await agent.call('echo', { text: 'paid' })).isError ? undefined : true));
    const reached = cluster.upstream.callsOf('echo').slice(before);
    expect(new Set(reached.map((received) => received.arguments.text))).toEqual(new Set(['paid']));
    const { call } = await cluster.record.callOfTrace(answer.traceId);
    expect(call).toMatchObject({ outcome: 'refused', code: 'budget.unavailable' });
  });

  test('while the projector is away calls go on, and all of them are on record once it is back', async () => {
    await cluster.service('audit-projector').kill();
    const answers = [];
    for (let n = 0; n < 10; n++) answers.push(await agent.call('echo', { text: `unseen ${n}` }));
    expect(answers.filter((answer) => answer.isError)).toEqual([]);
    cluster.service('audit-projector').start();
    await cluster.service('audit-projector').ready();
    for (const { traceId } of answers) {
      const { call } = await cluster.record.callOfTrace(traceId);
      expect(call).toMatchObject({ target: 'story/echo', decision: 'allow', outcome: 'completed' });
    }
    expect(await cluster.record.verify()).toMatchObject({ ok: true });
  });

  test('a gateway that was killed in the middle of a call comes back, serves, and leaves no call without its request on record', async () => {
    const before = cluster.upstream.callsOf('wait').length;
    const { traceId } = aTrace();
    const lost = agent.call('wait', {}, { traceId }).catch(() => 'lost');
    await cluster.upstream.arrival('wait', before);
    await cluster.service('edge-gateway').kill();
    expect(await lost).toBe('lost');
    cluster.service('edge-gateway').start();
    await cluster.service('edge-gateway').ready();
    const again = await Agent.modern(`${cluster.gatewayUrl}/mcp/story`, await cluster.token({ subject: 'ada', agent: 'triage' }));
    expect(await again.call('echo', { text: 'here again' })).toMatchObject({ isError: false });
    await again.close();
    const [known] = await until('the lost call is on record', async () => {
      const calls = await cluster.record.calls({ traceId });
      return calls.length > 0 ? calls : undefined;
    });
    expect(known).toMatchObject({ target: 'story/wait', decision: 'allow' });
  });

  // The embedded log is the services' own database: what happens without that is told where it can be taken away.
  if (size !== 'kafka-separate') return;

  test('while the log is away nothing is allowed to happen, and everything works again once it is back', async () => {
    const asAda = await Agent.modern(`${cluster.gatewayUrl}/mcp/story`, await cluster.token({ subject: 'ada', agent: 'triage' }));
    const before = cluster.upstream.callsOf('echo').length;
    await cluster.kafka?.kill();
    const answer = await asAda.call('echo', { text: 'unrecordable' }, { timeoutMs: 60_000 });
    expect(answer).toMatchObject({ isError: true, code: 'log.unavailable' });
    expect(answer.waitedMs).toBeLessThan(15_000);
    console.info(`${size}: the log was away: ${answer.code} after ${Math.round(answer.waitedMs)} ms`);
    expect(cluster.upstream.callsOf('echo')).toHaveLength(before);
    const unready = await until('the gateway says that it is not ready', async () => {
      const { status } = await cluster.fetchRaw('/readyz', {});
      return status === 200 ? undefined : status;
    });
    expect(unready).toBe(503);
    const second = await asAda.call('echo', { text: 'unrecordable' }, { timeoutMs: 60_000 });
    expect(second).toMatchObject({ isError: true, code: 'log.unavailable' });
    // Once it is known that the log is away, nobody waits for it.
    expect(second.waitedMs).toBeLessThan(3_000);

    await cluster.kafka?.restart();
    const back = await until(
      'a call is recorded and decided again',
      async () => {
        const again = await asAda.call('echo', { text: 'recorded' });
        return again.isError ? undefined : again;
      },
      60_000,
    );
    const { call } = await cluster.record.callOfTrace(back.traceId);
    expect(call).toMatchObject({ decision: 'allow', outcome: 'completed' });
    expect(
      new Set(
        cluster.upstream
          .callsOf('echo')
          .slice(before)
          .map((received) => received.arguments.text),
      ),
    ).toEqual(new Set(['recorded']));
    const refused = await cluster.record.callOfTrace(answer.traceId);
    expect(refused.call).toMatchObject({ outcome: 'refused', code: 'log.unavailable' });
    expect(await cluster.record.verify()).toMatchObject({ ok: true });
    await asAda.close();
  }, 180_000);
});
