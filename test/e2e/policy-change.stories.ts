import { type Cluster, OFFICE_SCOPES, policyFilesOf, until } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { Agent, type Answer } from './agent.js';

const CALLERS = 4;

/** The epoch: once a change of policy has returned, no byte goes out by the old one. */
export const policyChange = (cluster: () => Cluster): void => {
  const put = async (files: Readonly<Record<string, string>>, why: string): Promise<void> => {
    const { status, text } = await cluster().fetchAs({ subject: 'grace', scopes: OFFICE_SCOPES }, '/v1/policies', {
      method: 'PUT',
      base: cluster().policyUrl,
      body: { files, why },
    });
    expect(text).toContain('sha256:');
    expect(status).toBe(200);
  };

  test('in a stream of calls, none reaches the upstream after the change that forbids it has returned', async () => {
    const agents = await Promise.all(
      Array.from({ length: CALLERS }, async () =>
        Agent.modern(`${cluster().gatewayUrl}/mcp/story`, await cluster().token({ subject: 'ada', agent: 'triage' })),
      ),
    );
    const first = cluster().upstream.callsOf('echo').length;
    let streaming = true;
    const allowed: Answer[] = [];
    const refused: Answer[] = [];
    const stream = agents.map(async (agent) => {
      while (streaming) {
        const answer = await agent.call('echo', { text: 'and again' });
        (answer.isError ? refused : allowed).push(answer);
      }
    });
    await cluster().upstream.arrival('echo', first + 20);
    const forbid = '@id("no-echo")\nforbid (principal, action == Action::"call", resource == Tool::"story/echo");\n';
    try {
      await put({ ...policyFilesOf(), 'no-echo.cedar': forbid }, 'the stories forbid it');
      const returnedAtMs = performance.now();
      const refusedAtReturn = refused.length;
      await untilRefused(refused, refusedAtReturn + 3 * CALLERS);
      streaming = false;
      await Promise.all(stream);
      const late = cluster()
        .upstream.callsOf('echo')
        .filter((received) => received.atMs > returnedAtMs);
      expect(late).toEqual([]);
      expect(allowed.length).toBeGreaterThanOrEqual(20);
      expect(new Set(refused.map((answer) => answer.code))).toEqual(new Set(['policy.denied']));
      const { call } = await cluster().record.callOfTrace(refused.at(-1)?.traceId ?? '');
      expect(call).toMatchObject({ outcome: 'refused', code: 'policy.denied', policyIds: ['no-echo'] });
    } finally {
      streaming = false;
      await Promise.all(stream);
      await put(policyFilesOf(), 'the stories go on');
    }
    const [agent] = agents;
    expect(await agent?.call('echo', { text: 'back' })).toMatchObject({ isError: false });
    await Promise.all(agents.map((one) => one.close()));
  });
};

const untilRefused = async (refused: readonly Answer[], count: number): Promise<void> => {
  await until(`${count} calls are refused`, () => (refused.length >= count ? true : undefined));
};
