import { AppError, eventTypeOf } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import { expect, test } from 'vitest';
import { aCall, allow, anUpstream, aWrite, openRunner, principal, SECRET } from '../testing/call-runner.harness.js';
import type { AuthenticatedCall } from './authenticated-call.js';
import type { Dispatch } from './exchange.port.js';

test('records, decides, dispatches and records again before anything is released', async () => {
  const edge = await openRunner(allow);
  const upstream = anUpstream();
  const call = aCall();
  expect(await edge.runner.run(call, upstream)).toEqual({ kind: 'answered', callId: call.callId, redactions: 0 });
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
  expect(upstream.sent[0]?.token).toBe('token for fs/read');
  expect(edge.claims.won).toEqual([]);
});

test('puts the dispatch of a reading call on record in one append with its answer, and by itself while the upstream takes its time', async () => {
  const edge = await openRunner(allow);
  const appends: (string | null)[][] = [];
  const append = edge.log.append.bind(edge.log);
  edge.log.append = (records) => {
    if (records[0]?.topic === 'tool-call.events.v1') appends.push(records.map(({ headers }) => eventTypeOf(headers)));
    return append(records);
  };
  await edge.runner.run(aCall(), anUpstream());
  expect(appends).toEqual([['ToolCallRequested'], ['ToolCallDispatched', 'ToolCallCompleted']]);
  const slow = aCall();
  await edge.runner.run(
    slow,
    anUpstream(async () => {
      await expect.poll(() => edge.types(slow.callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched']);
      return { result: {} };
    }),
  );
  expect(appends.slice(2)).toEqual([['ToolCallRequested'], ['ToolCallDispatched'], ['ToolCallCompleted']]);
});

test('claims a writing call before its first byte, and only that', async () => {
  const edge = await openRunner(allow);
  const call = aWrite();
  const seen: string[][] = [];
  await edge.runner.run(
    call,
    anUpstream(() => {
      seen.push(edge.types(call.callId));
      return { result: {} };
    }),
  );
  expect(seen).toEqual([['ToolCallRequested', 'ToolCallDispatched']]);
  expect(edge.claims.won).toMatchObject([{ callId: call.callId, attempt: 1 }]);
  expect(edge.claims.settled).toEqual([call.callId]);
});

test('sends nothing when somebody else holds the claim', async () => {
  const edge = await openRunner(allow);
  edge.claims.winning = false;
  const upstream = anUpstream();
  expect(await edge.runner.run(aWrite(), upstream)).toMatchObject({ kind: 'refused', code: 'call.ended' });
  expect(upstream.sent).toEqual([]);
});

test('sends nothing of what policy denies', async () => {
  const edge = await openRunner(() => ({ effect: 'deny', code: 'scope.insufficient', requiredScopes: ['fs:write'] }));
  const upstream = anUpstream();
  const call = aCall();
  expect(await edge.runner.run(call, upstream)).toMatchObject({
    kind: 'refused',
    code: 'scope.insufficient',
    requiredScopes: ['fs:write'],
  });
  expect(upstream.sent).toEqual([]);
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallRefused']);
});

test('sends nothing without a decision, and says who did not answer', async () => {
  const edge = await openRunner(() => null, { decisionTimeoutMs: 30 });
  const upstream = anUpstream();
  const call = aCall();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'refused', code: 'policy.unavailable' });
  expect(upstream.sent).toEqual([]);
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallRefused', data: { stage: 'policy', reasons: ['missing.policy'] } });
});

test('refuses at the deadline of the call', async () => {
  const edge = await openRunner(
    () => {
      edge.clock.advance(5_000);
      return null;
    },
    { callTtlMs: 40 },
  );
  expect(await edge.runner.run(aCall(), anUpstream())).toMatchObject({ kind: 'refused', code: 'call.deadline-passed' });
});

test('asks anew when the question is older than a second, and acts on the new answer alone', async () => {
  const edge = await openRunner((_asked, evaluation) => {
    if (evaluation === 1) edge.clock.advance(1_500);
    return {};
  });
  const upstream = anUpstream();
  const call = aCall();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'answered' });
  expect(edge.types(call.callId)).toEqual([
    'ToolCallRequested',
    'ToolCallReevaluationRequested',
    'ToolCallDispatched',
    'ToolCallCompleted',
  ]);
  expect(upstream.sent).toHaveLength(1);
});

/** What a client is told whose decision grew too old when its bytes were about to go out. */
const tooOld = () => new AppError('policy.unavailable', 'too old', { detail: { reached: 'no' } });

test('asks anew when the dispatch of a write took so long that its decision grew too old, and sends it once, under the new one', async () => {
  const edge = await openRunner(allow);
  const append = edge.log.append.bind(edge.log);
  let dispatches = 0;
  edge.log.append = async (records) => {
    await append(records);
    if (records.some(({ headers }) => headers.ce_type?.includes('ToolCallDispatched')) && ++dispatches === 1) edge.clock.advance(1_500);
  };
  const upstream = anUpstream();
  const call = aWrite({ idempotencyKey: 'k' });
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'answered' });
  expect(edge.types(call.callId)).toEqual([
    'ToolCallRequested',
    'ToolCallDispatched',
    'ToolCallReevaluationRequested',
    'ToolCallDispatched',
    'ToolCallCompleted',
  ]);
  const decisions = edge.events().flatMap((event) => (event.type === 'ToolCallDispatched' ? [event.data.decisionId] : []));
  expect(new Set(decisions).size).toBe(2);
  expect(edge.claims.won).toHaveLength(1);
  expect(upstream.sent).toHaveLength(1);
});

test('asks anew when the connection took so long, for what reads as for what writes, and holds the price all the while', async () => {
  for (const make of [aCall, aWrite]) {
    let holds = 0;
    const edge = await openRunner(allow, {}, () => {
      holds += 1;
      return { reservedMicros: 100 };
    });
    const upstream = anUpstream();
    let tries = 0;
    const send = async (dispatch: Dispatch): Promise<void> => {
      if (++tries === 1) edge.clock.advance(1_500);
      if (!dispatch.isCleared()) throw tooOld();
      await upstream.send(dispatch);
    };
    const call = make();
    expect(await edge.runner.run(call, { ...upstream, send })).toMatchObject({ kind: 'answered' });
    expect(edge.types(call.callId)).toEqual([
      'ToolCallRequested',
      'ToolCallDispatched',
      'ToolCallReevaluationRequested',
      'ToolCallDispatched',
      'ToolCallCompleted',
    ]);
    expect([tries, upstream.sent.length, holds]).toEqual([2, 1, 1]);
  }
});

test('sends nothing of what is denied when it is asked anew, gives its key back, and never its grant', async () => {
  const edge = await openRunner((_asked, evaluation) => (evaluation === 1 ? {} : { effect: 'deny' }));
  const upstream = anUpstream();
  const late = async (dispatch: Dispatch): Promise<void> => {
    edge.clock.advance(1_500);
    if (!dispatch.isCleared()) throw tooOld();
    await upstream.send(dispatch);
  };
  const call = aWrite({ idempotencyKey: 'k' });
  expect(await edge.runner.run(call, { ...upstream, send: late })).toMatchObject({ kind: 'refused', code: 'policy.denied' });
  expect(upstream.sent).toEqual([]);
  expect(edge.types(call.callId).slice(-2)).toEqual(['ToolCallReevaluationRequested', 'ToolCallRefused']);
  expect(edge.claims.released).toEqual([{ callId: call.callId, isGrantUnused: false }]);
});

test('asks anew a bounded number of times, and within the time of the call: then it is refused as never sent', async () => {
  const slow = (edge: Awaited<ReturnType<typeof openRunner>>, ms: number) => async (dispatch: Dispatch) => {
    edge.clock.advance(ms);
    if (!dispatch.isCleared()) throw tooOld();
  };
  const often = await openRunner(allow, { callTtlMs: 600_000 });
  const call = aWrite();
  expect(await often.runner.run(call, { ...anUpstream(), send: slow(often, 1_001) })).toMatchObject({ code: 'policy.unavailable' });
  expect(often.types(call.callId).filter((type) => type === 'ToolCallDispatched')).toHaveLength(8);
  expect(often.types(call.callId).at(-1)).toBe('ToolCallRefused');
  const long = await openRunner(allow, { callTtlMs: 5_000 });
  const second = aWrite();
  expect(await long.runner.run(second, { ...anUpstream(), send: slow(long, 6_000) })).toMatchObject({ code: 'call.deadline-passed' });
  expect(long.types(second.callId)).toEqual([
    'ToolCallRequested',
    'ToolCallDispatched',
    'ToolCallReevaluationRequested',
    'ToolCallRefused',
  ]);
});

test('sends nothing anew that recovery gave up while the gateway stood still', async () => {
  const edge = await openRunner(allow);
  const upstream = anUpstream();
  const frozen = async (dispatch: Dispatch): Promise<void> => {
    edge.clock.advance(20_000);
    edge.claims.winning = false;
    if (!dispatch.isCleared()) throw tooOld();
    await upstream.send(dispatch);
  };
  expect(await edge.runner.run(aWrite(), { ...upstream, send: frozen })).toMatchObject({ kind: 'refused', code: 'call.ended' });
  expect(upstream.sent).toEqual([]);
});

test('keeps that nothing was sent for the log, when that goes away before it could be asked anew', async () => {
  const edge = await openRunner(allow);
  const call = aWrite({ idempotencyKey: 'k' });
  const lost = async (dispatch: Dispatch): Promise<void> => {
    edge.clock.advance(1_500);
    edge.log.break(true);
    if (!dispatch.isCleared()) throw tooOld();
  };
  expect(await edge.runner.run(call, { ...anUpstream(), send: lost })).toMatchObject({ kind: 'refused', code: 'log.unavailable' });
  expect(edge.claims.kept).toMatchObject([{ callId: call.callId, isNothingSent: true }]);
  edge.log.break(false);
  await edge.unrecorded.flush();
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallReevaluationRequested', 'ToolCallRefused']);
});

test('obeys a denial that came instead of a fresh allow', async () => {
  const edge = await openRunner((_asked, evaluation) => {
    if (evaluation === 1) edge.clock.advance(1_500);
    return evaluation === 1 ? {} : { effect: 'deny' };
  });
  const upstream = anUpstream();
  expect(await edge.runner.run(aWrite(), upstream)).toMatchObject({ kind: 'refused', code: 'policy.denied' });
  expect(upstream.sent).toEqual([]);
});

test('refuses an answer nobody here can read', async () => {
  const edge = await openRunner(() => ({ evaluation: 0 }));
  expect(await edge.runner.run(aCall(), anUpstream())).toMatchObject({ kind: 'refused', code: 'policy.unavailable' });
});

test('shows a secret in no event, and sends it on only where no obligation masks it', async () => {
  const params = { name: 'read', arguments: { path: `token ${SECRET}` } };
  const plain = await openRunner(allow);
  const upstream = anUpstream(() => ({ result: { content: [{ type: 'text', text: `ada@example.com ${SECRET}` }] } }));
  await plain.runner.run(aCall({ params }), upstream);
  expect(JSON.stringify(upstream.sent[0]?.params)).toContain(SECRET);
  expect(JSON.stringify(upstream.released)).toContain('ada@example.com');
  expect(plain.text()).not.toContain(SECRET);
  expect(plain.text()).not.toContain('ada@example.com');
  expect(plain.events()[0]).toMatchObject({ data: { labels: ['secret.provider-key'] } });

  const masking = await openRunner(() => ({
    obligations: [
      { type: 'mask-arguments', labels: ['secret.provider-key'] },
      { type: 'mask-result', labels: ['pii.email'] },
    ],
  }));
  const masked = anUpstream(() => ({ result: { content: [{ type: 'text', text: 'ada@example.com' }] } }));
  await masking.runner.run(aCall({ params }), masked);
  expect(masked.sent[0]?.params).toEqual({ name: 'read', arguments: { path: 'token [secret.provider-key]' } });
  expect(masked.released).toEqual([{ result: { content: [{ type: 'text', text: '[pii.email]' }] } }]);
  expect(masking.events().at(-1)).toMatchObject({ type: 'ToolCallCompleted', data: { redactions: [{ label: 'pii.email', count: 1 }] } });
});

test('tells a principal nothing of a schema before the decision', async () => {
  const denied = await openRunner(() => ({ effect: 'deny', code: 'tool.unknown' }));
  const params = { name: 'read', arguments: { path: 7 } };
  expect(await denied.runner.run(aCall({ params }), anUpstream())).toMatchObject({ code: 'tool.unknown' });
  const allowed = await openRunner(allow);
  const upstream = anUpstream();
  expect(await allowed.runner.run(aCall({ params }), upstream)).toMatchObject({ code: 'invoke.arguments-invalid' });
  expect(upstream.sent).toEqual([]);
});

test('refuses arguments beyond the bounds in one event that tells the whole story', async () => {
  const edge = await openRunner(allow, { argumentBytesMax: 100 });
  const call = aCall({ params: { name: 'read', arguments: { path: 'x'.repeat(200) } } });
  expect(await edge.runner.run(call, anUpstream())).toMatchObject({ code: 'content.arguments-too-large' });
  expect(edge.events()).toMatchObject([{ type: 'ToolCallRefused', data: { stage: 'edge', request: { method: 'tools/call' } } }]);
  let deep: JsonObject = {};
  for (let level = 0; level < 40; level++) deep = { deep };
  const roomy = await openRunner(allow);
  expect(await roomy.runner.run(aCall({ params: { name: 'read', arguments: deep } }), anUpstream())).toMatchObject({
    code: 'content.arguments-too-deep',
  });
});

test('refuses a tenant that has too much in flight, and lets it in again', async () => {
  const edge = await openRunner(allow, { callsInFlightMaxPerTenant: 1 });
  let free: () => void = () => {};
  const blocked = anUpstream(() => new Promise((resolve) => (free = () => resolve({ result: {} }))));
  let reached: () => void = () => {};
  const arrival = new Promise<void>((resolve) => (reached = resolve));
  const first = edge.runner.run(aCall(), {
    ...blocked,
    send: (dispatch) => {
      reached();
      return blocked.send(dispatch);
    },
  });
  await arrival;
  expect(await edge.runner.run(aCall(), anUpstream())).toMatchObject({ code: 'call.tenant-saturated' });
  free();
  await first;
  expect(await edge.runner.run(aCall(), anUpstream())).toMatchObject({ kind: 'answered' });
});

test('withholds an answer that the log does not take, keeps it in the claim and records it later', async () => {
  const edge = await openRunner(allow);
  const upstream = anUpstream(() => {
    edge.log.break(true);
    return { result: { content: [] } };
  });
  const call = aWrite();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'refused', code: 'log.unavailable' });
  expect(upstream.released).toEqual([]);
  expect(edge.claims.kept).toMatchObject([{ callId: call.callId }]);
  edge.log.break(false);
  await edge.unrecorded.flush();
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallDispatched', 'ToolCallCompleted']);
  expect(edge.claims.settled).toEqual([call.callId]);
});

test('lets nothing happen while the log is down', async () => {
  const edge = await openRunner(allow);
  edge.log.break(true);
  const upstream = anUpstream();
  const call = aCall();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'refused', code: 'log.unavailable' });
  expect(upstream.sent).toEqual([]);
  edge.log.break(false);
  await edge.unrecorded.flush();
  expect(edge.events()).toMatchObject([{ type: 'ToolCallRefused', data: { code: 'log.unavailable', request: { method: 'tools/call' } } }]);
});

test('keeps an end before anything was sent that the log does not take, whatever it is, and records it later', async () => {
  const endOf = async (call: AuthenticatedCall, hangUp = (): void => {}): Promise<readonly string[]> => {
    const edge = await openRunner(
      () => {
        edge.log.break(true);
        hangUp();
        return null;
      },
      { decisionTimeoutMs: 30 },
    );
    await edge.runner.run(call, anUpstream());
    edge.log.break(false);
    await edge.unrecorded.flush();
    return edge.types(call.callId);
  };
  expect(await endOf(aCall())).toEqual(['ToolCallRequested', 'ToolCallRefused']);
  const client = new AbortController();
  expect(await endOf(aCall({ signal: client.signal }), () => client.abort())).toEqual(['ToolCallRequested', 'ToolCallCancelled']);
});

test('records later what it refused by itself while the log did not take it', async () => {
  const edge = await openRunner(allow);
  const call = aCall({ isPlan: true, method: 'tools/list', target: { kind: 'server', server: 'fs', name: null } });
  edge.log.break(true);
  expect(await edge.runner.run(call, anUpstream())).toMatchObject({ kind: 'refused', code: 'log.unavailable' });
  edge.log.break(false);
  await edge.unrecorded.flush();
  expect(edge.events()).toMatchObject([{ type: 'ToolCallRefused', callId: call.callId, data: { code: 'plan.unsupported' } }]);
});

test('records a hang-up before the decision, and one while the upstream works', async () => {
  const early = new AbortController();
  const waiting = await openRunner(() => {
    early.abort();
    return null;
  });
  const first = aCall({ signal: early.signal });
  expect(await waiting.runner.run(first, anUpstream())).toEqual({ kind: 'cancelled', callId: first.callId });
  expect(waiting.events().at(-1)).toMatchObject({ type: 'ToolCallCancelled', data: { stage: 'requested', reached: 'no' } });

  const late = new AbortController();
  const working = await openRunner(allow);
  const upstream = anUpstream(() => {
    late.abort();
    throw new AppError('upstream.failed', 'aborted', { detail: { reached: 'yes' } });
  });
  const second = aCall({ signal: late.signal });
  expect(await working.runner.run(second, upstream)).toMatchObject({ kind: 'cancelled' });
  expect(working.events().at(-1)).toMatchObject({ type: 'ToolCallCancelled', data: { stage: 'dispatched', reached: 'yes' } });
});

test('records how an upstream failed and whether bytes arrived', async () => {
  const edge = await openRunner(allow);
  const upstream = anUpstream(() => {
    throw new AppError('upstream.timeout', 'slow', { detail: { reached: 'yes' } });
  });
  expect(await edge.runner.run(aCall(), upstream)).toMatchObject({ kind: 'refused', code: 'upstream.timeout' });
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallFailed', data: { code: 'upstream.timeout', reached: 'yes' } });
});

test('refuses at once while the circuit is open', async () => {
  const edge = await openRunner(allow);
  const upstream = anUpstream(undefined, false);
  const call = aCall();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ code: 'upstream.circuit-open' });
  expect(edge.types(call.callId)).toEqual(['ToolCallRequested', 'ToolCallRefused']);
});

test('does not close a call that asks back', async () => {
  const edge = await openRunner(allow);
  const call = aCall();
  const upstream = anUpstream(() => ({
    result: { resultType: 'input_required', requestState: SECRET, inputRequests: { name: { method: 'elicitation/create', params: {} } } },
  }));
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'answered' });
  expect(upstream.released).toMatchObject([{ result: { requestState: SECRET } }]);
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallInputRequired', data: { round: 1, requests: ['elicitation/create'] } });
  expect(edge.text()).not.toContain(SECRET);
});

test('names the round that a retry answers as its cause', async () => {
  const edge = await openRunner(allow);
  const asking = anUpstream(() => ({ result: { resultType: 'input_required', requestState: 'opaque', inputRequests: {} } }));
  await edge.runner.run(aCall(), asking);
  const round = edge.events().at(-1);
  const retry = aCall({ params: { name: 'read', arguments: { path: '/tmp/a' }, requestState: 'opaque', inputResponses: {} } });
  await edge.runner.run(retry, anUpstream());
  expect(edge.events().find(({ callId }) => callId === retry.callId)).toMatchObject({ type: 'ToolCallRequested', causationId: round?.id });
  const stranger = aCall({ params: { ...retry.params }, principal: { ...principal, subject: 'user:mallory' } });
  await edge.runner.run(stranger, anUpstream());
  expect(edge.events().find(({ callId }) => callId === stranger.callId)?.causationId).toBeNull();
});

test('answers by itself only what was allowed, on record before it is released', async () => {
  const edge = await openRunner(allow);
  const seen: string[][] = [];
  const call = aCall({ method: 'tools/list', target: { kind: 'gateway', server: null, name: null }, params: {} });
  const outcome = await edge.runner.run(call, {
    kind: 'local',
    answer: async () => ({ result: { tools: [] } }),
    release: async () => {
      seen.push(edge.types(call.callId));
    },
  });
  expect(outcome).toMatchObject({ kind: 'answered' });
  expect(seen).toEqual([['ToolCallRequested', 'ToolCallCompleted']]);
});

test('counts interim messages into a rolling digest', async () => {
  const edge = await openRunner(allow);
  const upstream = anUpstream();
  await edge.runner.run(aCall(), {
    ...upstream,
    send: async (dispatch) => {
      expect(dispatch.interim({ method: 'notifications/progress', params: { progress: 1 } })).toEqual({
        method: 'notifications/progress',
        params: { progress: 1 },
      });
      dispatch.interim({ method: 'notifications/progress', params: { progress: 2 } });
      await dispatch.settle({ result: {} });
    },
  });
  expect(edge.events().at(-1)).toMatchObject({ data: { interim: { count: 2, digest: expect.any(String) } } });
});

const refusedBudget = {
  ...{ account: 'user:ada', reason: 'exhausted' as const, remainingMicros: 50, currency: 'USD', resetsAt: '2026-12-01T00:00:00.000Z' },
  ...{ window: 'day' as const, remainingCalls: null },
};

test('sends nothing that nobody can pay for, and says what is left', async () => {
  const edge = await openRunner(allow, {}, () => ({ refused: refusedBudget }));
  const upstream = anUpstream();
  const call = aCall();
  expect(await edge.runner.run(call, upstream)).toMatchObject({
    kind: 'refused',
    code: 'budget.exhausted',
    detail: { account: 'user:ada', remainingMicros: 50, currency: 'USD', window: 'day', resetsAt: '2026-12-01T00:00:00.000Z' },
  });
  expect(upstream.sent).toEqual([]);
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallRefused', data: { stage: 'budget', code: 'budget.exhausted' } });
});

test('sends nothing when the accountant does not answer in time, whatever policy says', async () => {
  const edge = await openRunner(allow, { decisionTimeoutMs: 30 }, () => null);
  const upstream = anUpstream();
  expect(await edge.runner.run(aWrite(), upstream)).toMatchObject({ kind: 'refused', code: 'budget.unavailable' });
  expect([upstream.sent, edge.claims.won]).toEqual([[], []]);
  expect(edge.events().at(-1)).toMatchObject({ type: 'ToolCallRefused', data: { stage: 'budget', reasons: ['missing.budget'] } });
});

test('tells a denial by the reasons of policy, also where nobody could pay', async () => {
  const edge = await openRunner(
    () => ({ effect: 'deny', code: 'policy.denied' }),
    {},
    () => ({ refused: refusedBudget }),
  );
  expect(await edge.runner.run(aCall(), anUpstream())).toMatchObject({ kind: 'refused', code: 'policy.denied' });
});

test('asks for a hold for the calls of tools and for nothing else', async () => {
  const edge = await openRunner(allow, { decisionTimeoutMs: 30 }, () => null);
  const call = aCall({ method: 'prompts/get', target: { kind: 'prompt', server: 'fs', name: 'p' }, params: { name: 'p' } });
  expect(await edge.runner.run(call, anUpstream())).toMatchObject({ kind: 'answered' });
  expect(edge.events().find(({ callId }) => callId === call.callId)).toMatchObject({ data: { requires: ['policy'] } });
});

test('keeps its hold over a decision that is asked for anew', async () => {
  let holds = 0;
  const edge = await openRunner(
    (_asked, evaluation) => {
      if (evaluation === 1) edge.clock.advance(1_500);
      return {};
    },
    {},
    () => {
      holds += 1;
      return { reservedMicros: 100 };
    },
  );
  expect(await edge.runner.run(aCall(), anUpstream())).toMatchObject({ kind: 'answered' });
  expect(holds).toBe(1);
});

test('sends a call in doubt again only to an upstream that knows the repetition, under one key of its own', async () => {
  const edge = await openRunner(allow);
  const upstream = anUpstream();
  const sync = { target: { kind: 'tool', server: 'fs', name: 'sync' }, params: { name: 'sync', arguments: { text: 'x' } } } as const;
  await edge.runner.run(aCall({ ...sync, idempotencyKey: 'k' }), upstream);
  const key = edge.claims.won[0]?.key ?? { scope: '', paramsHash: '' };
  edge.claims.earlier = { callId: 'lost', paramsHash: key.paramsHash, state: 'open' };
  await edge.runner.run(aCall({ ...sync, idempotencyKey: 'k' }), upstream);
  expect(upstream.sent.map(({ params }) => params.arguments)).toEqual([
    { text: 'x', requestId: key.scope },
    { text: 'x', requestId: key.scope },
  ]);
  await edge.runner.run(aCall(sync), upstream);
  expect(upstream.sent.at(-1)?.params.arguments).toEqual({ text: 'x' });
  edge.claims.earlier = { callId: 'lost', paramsHash: 'h'.repeat(43), state: 'open' };
  expect(await edge.runner.run(aWrite({ idempotencyKey: 'k' }), upstream)).toMatchObject({ code: 'idempotency.mismatch' });
});

test('gives a key back of which nothing was sent, also when the log does not take that it was not', async () => {
  const edge = await openRunner(allow);
  const call = aWrite({ idempotencyKey: 'k' });
  const append = edge.log.append.bind(edge.log);
  edge.log.append = (records) =>
    records.some((record) => record.headers.ce_type?.includes('ToolCallDispatched') === true)
      ? Promise.reject(new AppError('log.unavailable', 'down'))
      : append(records);
  const upstream = anUpstream();
  expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'refused', code: 'log.unavailable' });
  expect(upstream.sent).toEqual([]);
  expect(edge.claims.kept).toMatchObject([{ callId: call.callId, isNothingSent: true }]);
});
