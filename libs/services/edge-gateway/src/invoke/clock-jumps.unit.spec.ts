import { expect, test } from 'vitest';
import { aCall, anUpstream, aWrite, openRunner } from '../testing/call-runner.harness.js';

const DAYS = [
  ['a day ahead', '2026-11-22T12:00:00.000Z'],
  ['a day back', '2026-11-20T12:00:00.000Z'],
] as const;

for (const [jump, to] of DAYS) {
  test(`a wall clock that jumps ${jump} while a call is decided makes no decision too old, and no call late`, async () => {
    const edge = await openRunner(() => {
      edge.clock.setWall(to);
      return {};
    });
    const upstream = anUpstream();
    const call = aCall();
    expect(await edge.runner.run(call, upstream)).toMatchObject({ kind: 'answered' });
    expect(edge.types(call.callId)).not.toContain('ToolCallReevaluationRequested');
    expect(upstream.sent).toHaveLength(1);
  });

  test(`a wall clock that jumps ${jump} keeps no decision young: what is older than a second is asked anew`, async () => {
    const edge = await openRunner((_asked, evaluation) => {
      if (evaluation === 1) edge.clock.advance(1_500);
      edge.clock.setWall(to);
      return evaluation === 1 ? {} : { effect: 'deny' };
    });
    const upstream = anUpstream();
    expect(await edge.runner.run(aWrite(), upstream)).toMatchObject({ kind: 'refused', code: 'policy.denied' });
    expect(upstream.sent).toEqual([]);
  });
}
