import { OVERVIEW_WINDOWS, type Overview, type OverviewBucket, type OverviewQuery } from '@sallyport/contracts';
import { percentile } from '@sallyport/domain';
import type { Clock, Database, Sql } from '@sallyport/platform';
import { ALWAYS } from '../calls/derived-views.store.js';
import { asTenant } from '../tenant-scope.js';

const MINUTE_MS = 60_000;
const BUCKETS_MAX = 96;
const CODES_MAX = 20;
const SERVERS_MAX = 50;
/** How far back what is still open is looked for. */
const OPEN_DAYS = 30;
/** People who look at the same page ask the same: they get one answer for so long. */
const FRESH_MS = 2_000;

const MEASURES = `SELECT floor(extract(epoch FROM minute - $2::timestamptz) / $4)::int AS bucket, measure, sum(value)::text AS value FROM call_minute
  WHERE tenant_id = $1 AND minute >= $2 AND minute < $3 GROUP BY 1, 2`;
const GAUGES = `SELECT measure, value::text AS value FROM call_minute WHERE tenant_id = $1 AND minute = '${ALWAYS}'`;
const SERVERS = `SELECT server, bool_and(owner IS NOT NULL AND risk_tier IS NOT NULL) AS complete FROM catalog_tool
  WHERE tenant_id = $1 AND lifecycle IS DISTINCT FROM 'retired' GROUP BY server ORDER BY server`;
const EXCEPTIONS = `SELECT event_type, count(*)::int AS n FROM audit_event
  WHERE tenant_id = $1 AND event_type IN ('ChainCleared', 'ApprovalParamsUnmasked', 'ToolCallResolved')
    AND occurred_at >= $2 AND occurred_at < $3 GROUP BY event_type`;
/** Each thing that needs a person, with what a person did about it first thereafter. The subject: a chain's key, a call, a tool. */
const INVESTIGATIONS = `WITH turn AS (
    SELECT event_type, occurred_at, CASE
        WHEN event_type IN ('ToolCallInDoubt', 'ToolCallResolved') THEN 'call ' || call_id
        WHEN event_type IN ('DefinitionDrifted', 'DefinitionPinned') AND value IS JSON THEN 'tool ' || (value::json ->> 'tool')
        ELSE 'chain ' || key END AS subject,
      event_type IN ('ToolCallInDoubt', 'DefinitionDrifted', 'ChainPoisoned') AS opens
    FROM audit_event WHERE tenant_id = $1 AND occurred_at >= $2 AND event_type IN ('ChainPoisoned', 'ChainCleared', 'ToolCallInDoubt',
      'ToolCallResolved', 'DefinitionDrifted', 'DefinitionPinned')),
  -- What is told again while it is open is the same thing.
  story AS (SELECT subject, opens, occurred_at, lag(opens) OVER follow AS after_open FROM turn WINDOW follow AS (PARTITION BY subject ORDER BY occurred_at, opens)),
  edge AS (SELECT subject, opens, occurred_at, lead(occurred_at) OVER (PARTITION BY subject ORDER BY occurred_at, opens) AS closed_at
    FROM story WHERE opens IS DISTINCT FROM after_open),
  thing AS (SELECT occurred_at, closed_at FROM edge WHERE opens)
  SELECT count(*) FILTER (WHERE closed_at >= $3)::int AS closed,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - occurred_at)) FILTER (WHERE closed_at >= $3) AS median,
    count(*) FILTER (WHERE closed_at IS NULL)::int AS open, min(occurred_at) FILTER (WHERE closed_at IS NULL) AS oldest
  FROM thing`;

/** Sums of one bucket, or of all. */
class Tally {
  private readonly sums = new Map<string, number>();

  add(measure: string, value: number): void {
    this.sums.set(measure, (this.sums.get(measure) ?? 0) + value);
  }

  /** Never below nothing: a count may be read between two of its changes only where somebody changed the table. */
  of(measure: string): number {
    return Math.max(0, this.sums.get(measure) ?? 0);
  }

  /** What follows a prefix, with its sum. */
  under(prefix: string): readonly (readonly [string, number])[] {
    return [...this.sums].flatMap(([measure, value]) =>
      measure.startsWith(prefix) && value > 0 ? [[measure.slice(prefix.length), value]] : [],
    );
  }

  numbers(): Pick<OverviewBucket, 'calls' | 'completed' | 'refused' | 'failed' | 'latency' | 'spend'> {
    const counts = new Map(this.under('latency:').map(([bucket, count]) => [Number(bucket), count]));
    const [p50Micros, p95Micros, p99Micros] = [0.5, 0.95, 0.99].map((share) => percentile(counts, share));
    return {
      calls: this.of('calls'),
      completed: this.of('completed'),
      refused: this.of('refused'),
      failed: this.of('failed'),
      latency: p50Micros == null || p95Micros == null || p99Micros == null ? null : { p50Micros, p95Micros, p99Micros },
      spend: this.under('spend:').map(([currency, amountMicros]) => ({ currency, amountMicros })),
    };
  }
}

/** Answers what the overview shows, cheap enough to be asked every few seconds: from counts by the minute, and once for all who ask at a time. */
export class OverviewReader {
  private readonly answers = new Map<string, { readonly askedAtMs: number; readonly answer: Promise<Overview> }>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** At most two seconds old. Throws `store.unavailable`. */
  read(tenantId: string, window: OverviewQuery['window']): Promise<Overview> {
    const nowMs = this.clock.monotonicMs();
    for (const [key, { askedAtMs }] of this.answers) if (nowMs - askedAtMs >= FRESH_MS) this.answers.delete(key);
    const key = JSON.stringify([tenantId, window]);
    const known = this.answers.get(key);
    if (known !== undefined) return known.answer;
    const answer = this.ask(tenantId, window);
    this.answers.set(key, { askedAtMs: nowMs, answer });
    // What failed is asked again by whoever comes next.
    answer.catch(() => this.answers.delete(key));
    return answer;
  }

  private ask(tenantId: string, window: OverviewQuery['window']): Promise<Overview> {
    const minutes = OVERVIEW_WINDOWS[window];
    const bucketMinutes = Math.ceil(minutes / BUCKETS_MAX);
    const bucketMs = bucketMinutes * MINUTE_MS;
    // Whole buckets, the last of them the one that is under way.
    const toMs = (Math.floor(this.clock.nowMs() / bucketMs) + 1) * bucketMs;
    const fromMs = toMs - Math.ceil(minutes / bucketMinutes) * bucketMs;
    const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
    return asTenant(this.database, tenantId, async (tx): Promise<Overview> => {
      const { rows } = await tx.query<{ bucket: number; measure: string; value: string }>(MEASURES, [tenantId, from, to, bucketMs / 1_000]);
      const all = new Tally();
      const tallies = Array.from({ length: (toMs - fromMs) / bucketMs }, () => new Tally());
      for (const { bucket, measure, value } of rows) {
        all.add(measure, Number(value));
        tallies[bucket]?.add(measure, Number(value));
      }
      const gauges = new Tally();
      for (const { measure, value } of (await tx.query<{ measure: string; value: string }>(GAUGES, [tenantId])).rows)
        gauges.add(measure, Number(value));
      return {
        window,
        from,
        to,
        bucketSeconds: bucketMs / 1_000,
        buckets: tallies.map((tally, index) => ({ from: new Date(fromMs + index * bucketMs).toISOString(), ...tally.numbers() })),
        ...all.numbers(),
        refusals: all
          .under('code:')
          .map(([code, calls]) => ({ code, calls }))
          .sort((left, right) => right.calls - left.calls || (left.code < right.code ? -1 : 1))
          .slice(0, CODES_MAX),
        waiting: gauges.of('waiting'),
        inDoubt: gauges.of('in-doubt'),
        governance: {
          servers: await serversOf(tx, tenantId),
          explicit: { decided: all.of('decided'), byRule: all.of('by-rule') },
          exceptions: { approved: all.of('approved'), ...(await exceptionsOf(tx, tenantId, from, to)) },
          investigations: await investigationsOf(tx, tenantId, from, this.clock.nowMs()),
        },
      };
    });
  }
}

const serversOf = async (tx: Sql, tenantId: string): Promise<Overview['governance']['servers']> => {
  const { rows } = await tx.query<{ server: string; complete: boolean }>(SERVERS, [tenantId]);
  const without = rows.filter(({ complete }) => !complete).map(({ server }) => server);
  return { total: rows.length, withOwnerAndTier: rows.length - without.length, without: without.slice(0, SERVERS_MAX) };
};

const exceptionsOf = async (
  tx: Sql,
  tenantId: string,
  from: string,
  to: string,
): Promise<Omit<Overview['governance']['exceptions'], 'approved'>> => {
  const { rows } = await tx.query<{ event_type: string; n: number }>(EXCEPTIONS, [tenantId, from, to]);
  const count = (type: string): number => rows.find(({ event_type }) => event_type === type)?.n ?? 0;
  return { chainsCleared: count('ChainCleared'), unmasked: count('ApprovalParamsUnmasked'), settledByHand: count('ToolCallResolved') };
};

const investigationsOf = async (
  tx: Sql,
  tenantId: string,
  from: string,
  nowMs: number,
): Promise<Overview['governance']['investigations']> => {
  const since = new Date(nowMs - OPEN_DAYS * 86_400_000).toISOString();
  const { rows } = await tx.query<{ closed: number; median: number | null; open: number; oldest: Date | null }>(INVESTIGATIONS, [
    tenantId,
    since,
    from,
  ]);
  const { closed = 0, median = null, open = 0, oldest = null } = rows[0] ?? {};
  return { closed, medianSeconds: median === null ? null : Math.round(median), open, oldestOpenAt: oldest?.toISOString() ?? null };
};
