import { expect, test } from 'vitest';
import { askByModern, askByRest, type Reply } from './asking.js';
import { anAccount, type Surroundings } from './surroundings.js';

const ROUNDS = 8;
const CALLS = 4;

/** Many at once for one grant. */
export const races = (surroundings: () => Surroundings): void => {
  test('of many calls that race for one grant, on every replica and by every way in, one is made, each time', async () => {
    const { desk, edges } = surroundings();
    const rounds = Array.from({ length: ROUNDS }, (_, n) => ({ to: anAccount(), amount: 60 + n }));
    const told = await Promise.all(rounds.map((args) => askByRest(surroundings(), args)));
    for (const { approvalId } of told) await desk.grant(approvalId ?? '');
    const made = new Map<string, readonly Reply[]>();
    for (const [n, args] of rounds.entries()) {
      const replies = Array.from({ length: CALLS }, (_, call) => {
        const edge = edges[(n + call) % edges.length];
        const options = edge === undefined ? {} : { edge };
        return call % 2 === 0 ? askByRest(surroundings(), args, options) : askByModern(surroundings(), args, options);
      });
      made.set(args.to, await Promise.all(replies));
    }
    for (const [to, replies] of made) {
      const done = replies.filter(({ code }) => code === 'done').length;
      const codes = replies.map(({ code }) => code).join(', ');
      // Bytes that did not go out in time leave nothing behind but a grant that is gone; two calls for one grant are never made.
      if (!replies.some(({ code }) => code === 'policy.unavailable')) expect(done, codes).toBe(1);
      expect(surroundings().paid(to), codes).toBe(done);
      expect(surroundings().paid(to)).toBeLessThanOrEqual(1);
    }
    expect([...made.values()].filter((replies) => replies.some(({ code }) => code === 'done')).length).toBeGreaterThan(ROUNDS / 2);
  });
};
