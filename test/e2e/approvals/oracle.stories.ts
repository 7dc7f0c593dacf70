import { until } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { PATIENCE_MS } from './desk.js';
import type { Surroundings } from './surroundings.js';

const PAGE = '200';

/** What must be true of everything that the stories did, whatever else went wrong: asked of the upstream and of the record. */
export const oracle = (surroundings: () => Surroundings): void => {
  test('every call that reached a tool rests on a grant of its own, by somebody else, and no grant was used twice', async () => {
    const { cluster } = surroundings();
    for (const tool of ['transfer', 'publish', 'amend'] as const) {
      const received = cluster.upstream.callsOf(tool).length;
      const executed = await until(
        `the record tells of all ${received} calls of ${tool}`,
        async () => {
          const ended = await cluster.record.calls({ tool: `story/${tool}`, outcome: 'completed', limit: PAGE });
          const sent = ended.filter(({ upstreamMicros }) => (upstreamMicros ?? 0) > 0);
          return sent.length >= received ? sent : undefined;
        },
        PATIENCE_MS,
      );
      expect(executed, tool).toHaveLength(received);
      const approvals = executed.map(({ approval }) => approval?.approvalId);
      expect(new Set(approvals).size).toBe(approvals.length);
      for (const { approval, principal } of executed) {
        expect(approval).toMatchObject({ status: 'used' });
        expect(approval?.answeredBy.length).toBeGreaterThan(0);
        expect(approval?.answeredBy).not.toContain(principal.subject);
      }
    }
  });
};
