import { randomBytes } from 'node:crypto';
import { CLUSTER_SERVICES, type Cluster, startCluster, until } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeSizes } from '../e2e/sizes.js';
import { post, type Reply } from './write-calls.ts';

/** Everything here waits for processes; a machine that is busy takes its time. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

/** Of each kind, side by side. */
const CALLS = 8;
/** What a client sends without a token. */
const STRANGERS = 24;
/** Deeper than arguments may be (32), and no deeper than a body may. */
const TOO_DEEP = Array.from({ length: 40 }).reduce<object>((inner) => ({ inner }), {});

/** How a call is refused while neither the log nor the store answers: by what its gateway meets first. */
const KINDS = {
  'nobody can decide it': { agent: 'triage', tool: 'story/echo', code: 'log.unavailable' },
  'nobody knows whose its key is': { agent: 'writer', tool: 'story/write', key: true, code: 'store.unavailable' },
  'the gateway refuses it by itself': { agent: 'triage', tool: 'story/echo', items: TOO_DEEP, code: 'content.arguments-too-deep' },
} as const;

interface Refused {
  readonly text: string;
  readonly traceId: string;
  readonly code: string;
  readonly reply: Reply | null;
}

const SIZES = {
  embedded: 'PostgreSQL, log and store in one, refuses everybody',
  'kafka-separate': 'the broker stands still, and PostgreSQL refuses the gateway',
} as const;

describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ size, bundled: CLUSTER_SERVICES });
  });
  afterAll(() => cluster?.close());

  const call = async (kind: (typeof KINDS)[keyof typeof KINDS]): Promise<Refused> => {
    const { agent, tool, code } = kind;
    const [text, traceId] = [randomBytes(8).toString('hex'), randomBytes(16).toString('hex')];
    const headers = {
      ...{ authorization: `Bearer ${await cluster.token({ subject: 'ada', agent })}`, 'content-type': 'application/json' },
      ...{ traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`, ...('key' in kind ? { 'idempotency-key': text } : {}) },
    };
    const body = { tool, arguments: { text, ...('items' in kind ? { items: [kind.items] } : {}) } };
    return { text, traceId, code, reply: await post(`${cluster.gatewayUrl}/v1/invoke`, headers, body) };
  };

  test('what is refused while log and store are away is told so, and on record once they are back: each call once, strangers in an exact count', async () => {
    const take = await cluster.refuseConnections('edge-gateway');
    cluster.kafka?.pause();
    const strangers = Array.from({ length: STRANGERS }, () =>
      post(`${cluster.gatewayUrl}/v1/invoke`, { 'content-type': 'application/json' }, {}),
    );
    const refused = await Promise.all(Object.values(KINDS).flatMap((kind) => Array.from({ length: CALLS }, () => call(kind))));
    const turnedAway = await Promise.all(strangers);
    cluster.kafka?.resume();
    await take();
    const told = [...refused.map(({ reply }) => reply), ...turnedAway];
    expect(new Set(told.map((reply) => reply?.status))).toEqual(new Set([503]));
    expect(new Set(told.map((reply) => reply?.code))).toEqual(new Set(['log.unavailable']));
    const back = await until('a call is recorded and decided again', async () => {
      const again = await call(KINDS['nobody can decide it']);
      return again.reply?.status === 200 ? again : undefined;
    });
    const reached = new Set(cluster.upstream.calls.map((received) => received.arguments.text));
    expect(reached).toContain(back.text);
    expect(refused.filter(({ text }) => reached.has(text))).toEqual([]);

    for (const { traceId, code } of refused) {
      const { call: kept, events, types } = await cluster.record.callOfTrace(traceId);
      expect(kept).toMatchObject({ outcome: 'refused', code });
      // What was published again, because nobody heard of it, has the id it had.
      expect(new Set(events.filter(({ type }) => type === 'ToolCallRefused').map(({ id }) => id)).size).toBe(1);
      expect(types).not.toContain('ToolCallDispatched');
      expect(await cluster.record.calls({ traceId })).toHaveLength(1);
    }
    const counted = await until('every stranger is counted', async () => {
      const count = (await cluster.record.rejections('identity.token-missing')).reduce((sum, rejection) => sum + rejection.count, 0);
      return count >= STRANGERS ? count : undefined;
    });
    expect(counted).toBe(STRANGERS);
    expect(await cluster.record.verify()).toMatchObject({ ok: true, faults: [] });
  });
});
