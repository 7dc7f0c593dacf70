import { expect, test } from 'vitest';
import { askByModern, type Reply } from './asking.js';
import { ADA, anAccount, OTHER_TENANT, type Surroundings } from './surroundings.js';

type Payment = { readonly to: string; readonly amount: number };

/** What a client of 2026-07-28 comes back with is good for one call, of one principal, with what was asked, as long as it waits. */
export const returning = (surroundings: () => Surroundings): void => {
  /** A call that waits, with what its client comes back with. */
  const waiting = async (args: Payment): Promise<Reply & { readonly requestState: string }> => {
    const told = await askByModern(surroundings(), args);
    expect(told.requestState, told.text).toMatch(/^sallyport\./);
    return { ...told, requestState: told.requestState ?? '' };
  };
  const back = (args: Payment, requestState: string, edge = surroundings().cluster.gatewayUrl): Promise<Reply> =>
    askByModern(surroundings(), args, { returning: { requestState }, edge });

  test.concurrent('it goes on with the one call, also on another replica, and is worth nothing once the call was made', async () => {
    const { desk, cluster, otherEdge } = surroundings();
    const args = { to: anAccount(), amount: 41 };
    const told = await waiting(args);
    const still = await back(args, told.requestState, otherEdge);
    expect(still).toMatchObject({ callId: told.callId, approvalId: told.approvalId });
    await desk.grant(told.approvalId ?? '');
    expect(await back(args, still.requestState ?? '', otherEdge)).toMatchObject({ code: 'done', callId: told.callId });
    expect(surroundings().paid(args.to)).toBe(1);

    for (const state of [told.requestState, still.requestState ?? '']) {
      for (const edge of [cluster.gatewayUrl, otherEdge]) {
        const replayed = await back(args, state, edge);
        expect(replayed).toMatchObject({ code: 'call.ended' });
        expect(replayed.callId).not.toBe(told.callId);
      }
    }
    expect(surroundings().paid(args.to)).toBe(1);
    const { types } = await surroundings().recorded(told.callId, 'completed');
    expect(types.filter((type) => type === 'ToolCallDispatched')).toHaveLength(1);
  });

  test.concurrent('it is worth nothing in the hands of anybody else, and takes nothing from its owner', async () => {
    const { desk } = surroundings();
    const args = { to: anAccount(), amount: 42 };
    const told = await waiting(args);
    await desk.grant(told.approvalId ?? '');
    const strangers = [
      { subject: 'bob', agent: 'writer' },
      { subject: 'ada', agent: 'clerk' },
      { subject: 'ada', agent: ['writer', 'clerk'] },
      { subject: 'ada', agent: 'writer', tenant: OTHER_TENANT },
    ];
    for (const asker of strangers) {
      const stolen = await askByModern(surroundings(), args, { asker, returning: { requestState: told.requestState } });
      expect(stolen).toMatchObject({ code: 'request.invalid' });
      expect(stolen.callId).not.toBe(told.callId);
    }
    expect(surroundings().paid(args.to)).toBe(0);
    expect(await back(args, told.requestState)).toMatchObject({ code: 'done', callId: told.callId });
    expect(surroundings().paid(args.to)).toBe(1);
  });

  test.concurrent('changed in any place it is not opened', async () => {
    const args = { to: anAccount(), amount: 43 };
    const { requestState, approvalId } = await waiting(args);
    await surroundings().desk.grant(approvalId ?? '');
    const places = [12, Math.floor(requestState.length / 3), Math.floor(requestState.length / 2), requestState.length - 8];
    const changed = [
      ...places.map((place) => `${requestState.slice(0, place)}${requestState[place] === 'A' ? 'B' : 'A'}${requestState.slice(place + 1)}`),
      requestState.slice(0, -12),
      `${requestState}AAAA`,
      'sallyport.',
    ];
    const replies = await Promise.all(changed.map((state) => back(args, state)));
    expect(replies.map(({ code }) => code)).toEqual(changed.map(() => 'request.invalid'));
    expect(surroundings().paid(args.to)).toBe(0);
    expect(await back(args, requestState)).toMatchObject({ code: 'done' });
  });

  test.concurrent('with other parameters, another tool or an answer that nobody asked for it does not go on, and the call still waits', async () => {
    const { desk } = surroundings();
    const args = { to: anAccount(), amount: 44 };
    const told = await waiting(args);
    await desk.grant(told.approvalId ?? '');
    const { requestState } = told;
    const others = [
      await back({ ...args, amount: 45 }, requestState),
      await back({ ...args, to: `${args.to}x` }, requestState),
      await askByModern(surroundings(), { ...args, text: 'x' }, { tool: 'amend', returning: { requestState } }),
      // The agent's own host says yes: that is no approval.
      await askByModern(surroundings(), args, { returning: { requestState, inputResponses: { approval: { action: 'accept' } } } }),
    ];
    expect(others.map(({ code }) => code)).toEqual(others.map(() => 'approval.mismatch'));
    expect(others.map(({ callId }) => callId)).not.toContain(told.callId);
    expect(surroundings().paid(args.to)).toBe(0);
    expect(await back(args, requestState)).toMatchObject({ code: 'done', callId: told.callId });
    expect(surroundings().paid(args.to)).toBe(1);
  });

  test.concurrent('nobody comes in with an answer of their own: without a grant the call waits, whatever the client says', async () => {
    const args = { to: anAccount(), amount: 46 };
    const said = await askByModern(surroundings(), args, { returning: { inputResponses: { approval: { action: 'accept' } } } });
    expect(said.code).toBe('approval.required');
    const { requestState } = await waiting(args);
    expect(await back(args, requestState)).toMatchObject({ code: 'approval.required' });
    expect(surroundings().paid(args.to)).toBe(0);
  });

  test.concurrent('after a no it tells the no again and nothing else, however often it is sent', async () => {
    const { desk, otherEdge } = surroundings();
    const args = { to: anAccount(), amount: 47 };
    const { requestState, approvalId } = await waiting(args);
    await desk.reject(approvalId ?? '', 'not this one');
    expect(await back(args, requestState)).toMatchObject({ code: 'approval.rejected' });
    for (const edge of [otherEdge, surroundings().cluster.gatewayUrl]) {
      const { code } = await back(args, requestState, edge);
      expect(['approval.rejected', 'call.ended']).toContain(code);
    }
    expect(surroundings().paid(args.to)).toBe(0);
  });

  test.concurrent('sent many times at once with a grant at hand, on every replica, it makes the call once', async () => {
    const { desk, edges } = surroundings();
    const args = { to: anAccount(), amount: 48 };
    const told = await waiting(args);
    await desk.grant(told.approvalId ?? '');
    const replies = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => back(args, told.requestState, edges[n % edges.length])));
    expect(replies.filter(({ code }) => code === 'done')).toHaveLength(1);
    // On the other replica it may be seen as a call that comes back after its grant was used: then people are asked, and nothing is sent.
    for (const { code } of replies) expect(['done', 'call.ended', 'approval.required']).toContain(code);
    expect(surroundings().paid(args.to)).toBe(1);
    const { types } = await surroundings().recorded(told.callId, 'completed');
    expect(types.filter((type) => type === 'ToolCallDispatched')).toHaveLength(1);
    expect(types).not.toContain('ToolCallRefused');
  });

  test.concurrent('the SDK is served by another replica on its way back, and knows nothing of it', async () => {
    const { desk, otherEdge } = surroundings();
    const args = { to: anAccount(), amount: 49 };
    const agent = await surroundings().modernOverEdges(ADA);
    const call = agent.call('transfer', args);
    const { approvalId, callId } = await desk.asked(args.to);
    await surroundings().heard(callId, 'ToolCallParked', 2);
    await desk.grant(approvalId);
    expect(await call).toMatchObject({ isError: false, text: 'did transfer' });
    await agent.close();
    expect(surroundings().paid(args.to)).toBe(1);
    const { events } = await surroundings().recorded(callId, 'completed');
    const writers = new Set(events.flatMap(({ type, source }) => (type === 'ToolCallParked' ? [source] : [])));
    expect(writers.size).toBe(otherEdge === surroundings().cluster.gatewayUrl ? 1 : 2);
  });
};
