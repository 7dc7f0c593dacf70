import { EventEmitter } from 'node:events';
import { type Cluster, STORY_SCOPES, startCluster, until } from '@sallyport/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent } from './agent.js';
import { type AttackReport, attack, emptyReport } from './hostile/attack.js';
import { hostileCorpus } from './hostile/corpus.js';
import { hostileRequests } from './hostile/grammar.js';
import { aCall, type HostileRequest, MODERN_HEADERS, requestText, type Surroundings } from './hostile/hostile-request.js';
import { strangersOf } from './hostile/strangers.js';
import { memoryIn } from './hostile/told-memory.js';
import { describeSizes } from './sizes.js';

/** Requests of the grammar after the warm-up, beside the corpus and a tenth of them before it. */
const REQUESTS = { embedded: 9_000, 'kafka-separate': 300 } as const;
/** One and the same request, again and again. */
const FLOOD = { embedded: 1_000, 'kafka-separate': 100 } as const;
const IN_FLIGHT = { embedded: 16, 'kafka-separate': 6 } as const;
/** What a process may have more in use after the attack than after its warm-up: what it remembers by design (verified tokens, open windows), bounded. */
const GROWTH_MAX_BYTES = 48 * 1024 * 1024;
const MIB = 1024 * 1024;
const ENV = { NODE_OPTIONS: `--import=${new URL('./hostile/tells-memory.preload.ts', import.meta.url).href}` };
/** Answers to the attacker for each call of an honest client. */
const HONEST_EVERY = 20;

const SIZES = {
  embedded: `${REQUESTS.embedded + FLOOD.embedded} hostile requests to everything in one process`,
  'kafka-separate': `${REQUESTS['kafka-separate'] + FLOOD['kafka-separate']} hostile requests to a process per service`,
} as const;

const seedOf = (): number => Number(process.env.SALLYPORT_HOSTILE_SEED ?? Math.floor(Math.random() * 2 ** 31));

describeSizes(SIZES, (size) => {
  let cluster: Cluster;
  let surroundings: Surroundings;
  const seed = seedOf();
  beforeAll(async () => {
    cluster = await startCluster({ size, env: ENV, configuration: { gateway: { decisionTimeoutMs: 20_000, callTtlMs: 30_000 } } });
    surroundings = {
      host: new URL(cluster.gatewayUrl).host,
      agent: `Bearer ${await cluster.token({ subject: 'ada', agent: 'triage' })}`,
      office: `Bearer ${await cluster.token({ subject: 'grace', scopes: [...STORY_SCOPES, 'sallyport:audit', 'sallyport:operate'] })}`,
      strangers: await strangersOf(cluster),
    };
  });
  afterAll(async () => await cluster?.close());

  /** What the gateway has in use after a collection of garbage. */
  const bytesInUse = async (): Promise<number> => {
    const told = () => memoryIn(cluster.output());
    const before = told().length;
    cluster.service('edge-gateway').signal('SIGUSR2');
    return await until('the gateway tells what it has in use', async () => told()[before]);
  };
  const port = (): number => Number(new URL(cluster.gatewayUrl).port);
  /** Rejections on record by code. */
  const recorded = async (): Promise<{ readonly counts: Map<string, number>; readonly events: number }> => {
    const rows = await cluster.admin<{ code: string; count: string; events: string }>(
      `SELECT value::json ->> 'code' AS code, sum((value::json ->> 'count')::bigint) AS count, count(*) AS events
         FROM audit_projector.audit_event WHERE event_type = 'RequestRejected' GROUP BY 1`,
    );
    return {
      counts: new Map(rows.map(({ code, count }) => [code, Number(count)])),
      events: rows.reduce((sum, { events }) => sum + Number(events), 0),
    };
  };
  const flood = function* (count: number): Generator<HostileRequest> {
    const pieces = requestText(surroundings.host, 'POST /mcp/story', MODERN_HEADERS, JSON.stringify(aCall()));
    for (let n = 0; n < count; n++) yield { title: 'a flood', pieces };
  };
  const sumOf = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0);
  /** Calls of the report of which the record has no end yet. */
  const unfinished = async ({ callIds }: AttackReport): Promise<readonly string[]> => {
    const rows = await cluster.admin<{ call_id: string }>(
      `SELECT call_id FROM unnest($1::text[]) AS call_id WHERE NOT EXISTS (
         SELECT FROM audit_projector.audit_event e WHERE e.call_id = call_id.call_id
            AND e.event_type IN ('ToolCallRefused', 'ToolCallCompleted', 'ToolCallFailed', 'ToolCallCancelled', 'ToolCallInDoubt', 'ToolCallInputRequired'))`,
      [[...callIds]],
    );
    return rows.map((row) => row.call_id);
  };

  test('each is refused in form and on record exactly, nothing is told, memory stays flat, and honest clients notice nothing', async () => {
    const honest = await honestClients();
    const onAnswered = honest.heartbeat;
    const report = emptyReport();
    const sample = (count: number, more: number) => fc.sample(hostileRequests(surroundings), { seed: seed + more, numRuns: count });
    const before = await recorded();
    await attack(sample(REQUESTS[size] / 10, 1), { port: port(), inFlight: IN_FLIGHT[size], report, onAnswered });
    const warm = await bytesInUse();
    // What takes long by its nature goes on beside the rest.
    await Promise.all([
      attack(hostileCorpus(surroundings), { port: port(), inFlight: IN_FLIGHT[size], report, onAnswered }),
      attack(sample(REQUESTS[size], 0), { port: port(), inFlight: IN_FLIGHT[size], report, onAnswered }),
    ]);
    const flooded = await recorded();
    await attack(flood(FLOOD[size]), { port: port(), inFlight: IN_FLIGHT[size], report, onAnswered });
    const { answered, failures } = await honest.stop();

    expect(report.faults, `seed ${seed}`).toEqual([]);
    expect(report.sent).toBeGreaterThanOrEqual(REQUESTS[size] + FLOOD[size]);
    expect(report.overloaded).toBeLessThanOrEqual(report.callIds.size / 50);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(REQUESTS[size] / HONEST_EVERY / 10);

    const expected = new Map(report.rejected);
    for (const [code, count] of before.counts) expected.set(code, (expected.get(code) ?? 0) + count);
    const after = await until('every rejection is on record', async () => {
      const now = await recorded();
      return sumOf(now.counts) >= sumOf(expected) ? now : undefined;
    });
    expect(Object.fromEntries([...after.counts].sort()), `seed ${seed}`).toEqual(Object.fromEntries([...expected].sort()));
    expect(after.events - flooded.events).toBeLessThan(FLOOD[size] / 2);
    await until('every call has its end on record', async () => ((await unfinished(report)).length === 0 ? true : undefined)).catch(
      async (error) => {
        throw new Error(`seed ${seed}: ${(await unfinished(report)).slice(0, 5).join(', ')}`, { cause: error });
      },
    );
    const grown = (await bytesInUse()) - warm;
    console.info(
      `${size}, seed ${seed}: ${report.sent} requests, ${sumOf(report.rejected)} rejections in ${after.events - before.events} events, ` +
        `${report.callIds.size} calls, ${answered} honest answers, ${report.overloaded} overloaded, ${Math.round(grown / MIB)} MiB more in use than ${Math.round(warm / MIB)} MiB`,
    );
    expect(grown).toBeLessThan(GROWTH_MAX_BYTES);
    expect(await cluster.record.verify()).toMatchObject({ ok: true, faults: [] });
    for (const line of cluster.output()) expect(line).not.toMatch(/"code":"internal\.error"|uncaught|unhandled/i);
  }, 240_000);

  /** An agent of each SDK that calls all the while, in step with the attack. */
  const honestClients = async () => {
    const token = await cluster.token({ subject: 'ada', agent: 'writer' });
    const agents = [await Agent.modern(`${cluster.gatewayUrl}/mcp`, token), await Agent.legacy(`${cluster.gatewayUrl}/mcp/story`, token)];
    const failures: string[] = [];
    let answered = 0;
    let isOver = false;
    let answers = 0;
    const beats = new EventEmitter();
    const work = agents.map(async (agent, at) => {
      for (let n = 0; !isOver; n++) {
        await new Promise<void>((resolve) => beats.once('beat', resolve));
        const text = `honest ${at} ${n}`;
        const answer = await agent.call(at === 0 ? 'story__echo' : 'echo', { text }).catch((error: unknown) => String(error));
        if (typeof answer !== 'string' && !answer.isError && answer.text === text) answered += 1;
        else if (failures.length < 5) failures.push(typeof answer === 'string' ? answer : answer.raw);
      }
      await agent.close();
    });
    return {
      heartbeat: () => {
        answers += 1;
        if (answers % HONEST_EVERY === 0) beats.emit('beat');
      },
      stop: async () => {
        isOver = true;
        beats.emit('beat');
        await Promise.all(work);
        return { answered, failures };
      },
    };
  };
});
