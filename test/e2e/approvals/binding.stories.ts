import { expect, test } from 'vitest';
import { Agent } from '../agent.js';
import { askByModern, askByRest, carriedOut, type Reply } from './asking.js';
import { ADA, type Asker, anAccount, type Surroundings } from './surroundings.js';

/** A grant is for one call of one principal with one tool and one set of parameters, by whatever way it comes, and for nothing else. */
export const binding = (surroundings: () => Surroundings): void => {
  /** Asks for a payment and has somebody agree, so that an unused grant lies there. */
  const granted = async (args: { to: string; amount: number }, asker: Asker = ADA): Promise<Reply> => {
    const told = await askByRest(surroundings(), args, { asker });
    expect(told).toMatchObject({ code: 'approval.required' });
    await surroundings().desk.grant(told.approvalId ?? '');
    return told;
  };
  const usedOnce = async (args: { to: string; amount: number }, { approvalId }: Reply): Promise<void> => {
    expect(surroundings().paid(args.to)).toBe(0);
    expect(await carriedOut(surroundings(), () => askByRest(surroundings(), args))).toMatchObject({ code: 'done' });
    await surroundings().desk.becomes(approvalId ?? '', 'used');
    expect(surroundings().paid(args.to)).toBe(1);
  };

  const others: readonly (readonly [string, Asker])[] = [
    ['another person through the same agent', { subject: 'bob', agent: 'writer' }],
    ['the same agent behind another one', { subject: 'ada', agent: ['writer', 'clerk'] }],
  ];
  test.concurrent.each(others)('%s is asked about anew, whatever was granted', async (_, other) => {
    const args = { to: anAccount(), amount: 21 };
    const told = await granted(args);
    const stranger = await askByRest(surroundings(), args, { asker: other });
    expect(stranger).toMatchObject({ code: 'approval.required' });
    expect(stranger.approvalId).not.toBe(told.approvalId);
    await usedOnce(args, told);
  });

  test.concurrent('an agent that was never granted the tool gets it by no approval of another', async () => {
    const args = { to: anAccount(), amount: 22 };
    const told = await granted(args);
    const refused = await askByRest(surroundings(), args, { asker: { subject: 'ada', agent: 'clerk' } });
    expect(refused).toMatchObject({ status: 403, code: 'policy.denied', approvalId: null });
    await usedOnce(args, told);
  });

  const changes: readonly (readonly [string, (args: { to: string; amount: number }) => Record<string, unknown>])[] = [
    ['another amount', (args) => ({ ...args, amount: args.amount + 1 })],
    ['a fraction more', (args) => ({ ...args, amount: args.amount + 0.01 })],
    ['a blank at the end', (args) => ({ ...args, to: `${args.to} ` })],
    ['a letter that looks the same', (args) => ({ ...args, to: args.to.replace('a', 'а') })],
    ['a letter composed otherwise', (args) => ({ ...args, note: 'e\u0301' })],
    ['one member more', (args) => ({ ...args, memo: null })],
    ['one member less', ({ to }) => ({ to })],
    ['a member of the same name in other case', ({ to, amount }) => ({ to, Amount: amount })],
  ];
  test.concurrent('parameters that differ in anything are asked about anew, whatever was granted', async () => {
    const args = { to: anAccount(), amount: 23 };
    const told = await granted(args);
    const replies = await Promise.all(changes.map(([, change]) => askByRest(surroundings(), change(args))));
    expect(replies.map(({ code }, n) => [changes[n]?.[0], code])).toEqual(changes.map(([what]) => [what, 'approval.required']));
    expect(new Set([...replies.map(({ approvalId }) => approvalId), told.approvalId]).size).toBe(changes.length + 1);
    await usedOnce(args, told);
  });

  test.concurrent('another tool with the same parameters is asked about anew', async () => {
    const args = { to: anAccount(), amount: 24, text: 'the same' };
    const told = await granted(args);
    const other = await askByRest(surroundings(), args, { tool: 'amend' });
    expect(other).toMatchObject({ code: 'approval.required' });
    expect(other.approvalId).not.toBe(told.approvalId);
    await usedOnce(args, told);
  });

  test.concurrent('the order in which parameters are written changes nothing: it is the same call, once', async () => {
    const args = { to: anAccount(), amount: 25 };
    const told = await granted(args);
    const turned = await carriedOut(surroundings(), () => askByRest(surroundings(), { amount: args.amount, to: args.to }));
    expect(turned).toMatchObject({ code: 'done' });
    expect(await askByRest(surroundings(), args)).toMatchObject({ code: 'approval.required' });
    expect(surroundings().paid(args.to)).toBe(1);
    expect(told.approvalId).not.toBeNull();
  });

  test.concurrent('granted to one session, a call is made in another one of the same principal, and still once', async () => {
    const { desk } = surroundings();
    const args = { to: anAccount(), amount: 26 };
    const [first, second] = await Promise.all([surroundings().legacy(), surroundings().legacy(ADA, surroundings().otherEdge)]);
    const told = await first.call('transfer', args);
    expect(told).toMatchObject({ structured: { status: 'approval_required' } });
    const { approvalId } = await desk.asked(args.to);
    await desk.grant(approvalId);
    expect(await second.call('transfer', args)).toMatchObject({ isError: false });
    expect(await first.call('transfer', args)).toMatchObject({ structured: { status: 'approval_required' } });
    expect(surroundings().paid(args.to)).toBe(1);
    await Promise.all([first.close(), second.close()]);
  });

  test.concurrent('granted over MCP, a call is made over REST, and the other way round, and still once', async () => {
    const { desk } = surroundings();
    const overMcp = { to: anAccount(), amount: 27 };
    const overRest = { to: anAccount(), amount: 27 };
    const agent = await surroundings().legacy();
    await agent.call('transfer', overMcp);
    const { approvalId } = await desk.asked(overMcp.to);
    await desk.grant(approvalId);
    await granted(overRest);
    expect(await carriedOut(surroundings(), () => askByRest(surroundings(), overMcp, { edge: surroundings().otherEdge }))).toMatchObject({
      code: 'done',
    });
    expect(await agent.call('transfer', overRest)).toMatchObject({ isError: false });
    expect(await agent.call('transfer', overMcp)).toMatchObject({ structured: { status: 'approval_required' } });
    expect(await askByRest(surroundings(), overRest)).toMatchObject({ code: 'approval.required' });
    expect([surroundings().paid(overMcp.to), surroundings().paid(overRest.to)]).toEqual([1, 1]);
    await agent.close();
  });

  test.concurrent('by the aggregated address it is the same call, and still once', async () => {
    const { cluster } = surroundings();
    const args = { to: anAccount(), amount: 28 };
    await granted(args);
    const agent = await Agent.legacy(`${cluster.gatewayUrl}/mcp`, await surroundings().tokenOf(ADA));
    expect(await agent.call('story__transfer', args)).toMatchObject({ isError: false });
    expect(await agent.call('story__transfer', args)).toMatchObject({ structured: { status: 'approval_required' } });
    await agent.close();
    expect(surroundings().paid(args.to)).toBe(1);
  });

  test.concurrent('of two calls that wait for the same answer one is made, and people are asked about the other anew', async () => {
    const { desk } = surroundings();
    const args = { to: anAccount(), amount: 29 };
    const agents = await Promise.all([surroundings().modern(), surroundings().modern(ADA, surroundings().otherEdge)]);
    const calls = agents.map((agent) => agent.call('transfer', args));
    const { approvalId } = await desk.asked(args.to);
    await desk.waits(approvalId, 2);
    await desk.grant(approvalId);
    const first = await Promise.race(calls);
    expect(first).toMatchObject({ isError: false });
    const sibling = await desk.asked(args.to);
    expect(sibling.approvalId).not.toBe(approvalId);
    expect(surroundings().paid(args.to)).toBe(1);
    await desk.reject(sibling.approvalId, 'once is enough');
    const ends = await Promise.all(calls);
    expect(ends.map(({ code }) => code).sort()).toEqual(['approval.rejected', null].sort());
    expect(surroundings().paid(args.to)).toBe(1);
    await Promise.all(agents.map((agent) => agent.close()));
  });

  test.concurrent('a key keeps its one effect: the answer is told again without asking, and other parameters under it are refused', async () => {
    const args = { to: anAccount(), amount: 30 };
    const key = `key-of-${args.to}`;
    const told = await askByRest(surroundings(), args, { key });
    expect(told).toMatchObject({ code: 'approval.required' });
    // The key opens nothing before somebody agreed.
    expect(await askByRest(surroundings(), args, { key })).toMatchObject({ code: 'approval.required', approvalId: told.approvalId });
    await surroundings().desk.grant(told.approvalId ?? '');
    expect(await carriedOut(surroundings(), () => askByRest(surroundings(), args, { key }))).toMatchObject({ code: 'done' });
    const again = await askByRest(surroundings(), args, { key, edge: surroundings().otherEdge });
    expect(again).toMatchObject({ code: 'done' });
    expect(await askByRest(surroundings(), { ...args, amount: 31 }, { key })).toMatchObject({ code: 'idempotency.mismatch' });
    expect(surroundings().paid(args.to)).toBe(1);
    // Without the key it is another payment, and another question.
    expect(await askByRest(surroundings(), args)).toMatchObject({ code: 'approval.required' });
    expect(surroundings().paid(args.to)).toBe(1);
  });

  test.concurrent('what nobody was shown and nobody agreed to does not travel with an approved call', async () => {
    const { cluster } = surroundings();
    const args = { to: anAccount(), amount: 32 };
    await granted(args);
    const done = await carriedOut(surroundings(), () => askByModern(surroundings(), args, { meta: { 'example.org/amount': 1_000_000 } }));
    expect(done).toMatchObject({ code: 'done' });
    const [received] = cluster.upstream.callsOf('transfer').filter((call) => call.arguments.to === args.to);
    expect(received?.body).not.toContain('1000000');
    expect(surroundings().paid(args.to)).toBe(1);
  });

  test.concurrent('a plan asks nobody, uses no grant and pays nothing', async () => {
    const { cluster, desk } = surroundings();
    const args = { to: anAccount(), amount: 33 };
    const told = await granted(args);
    const planned = await askByModern(surroundings(), args, { meta: { 'io.sallyport/plan': true } });
    expect(planned.text).toContain('high-risk');
    const { call } = await cluster.record.call(planned.callId ?? '');
    expect(call).toMatchObject({ purpose: 'plan', outcome: 'planned', approval: null });
    expect(await desk.show(told.approvalId ?? '')).toMatchObject({ status: 'granted' });
    await usedOnce(args, told);
  });
};
