import { type AuditVerification, CallsInDoubt, HoldsInDoubt, TOPICS } from '@sallyport/contracts';
import { openKafkaEventLog } from '@sallyport/log';
import { type Cluster, type ReceivedCall, until } from '@sallyport/testing';
import { readAsOffice } from '../write-calls.ts';
import type { SentCall } from './mixed-calls.ts';

/** A call of a tool as the record and the ledger have it. */
export interface KeptCall {
  readonly callId: string;
  readonly traceId: string;
  readonly outcome: string;
  /** How many events of each type there are, none counted twice. */
  readonly events: Readonly<Record<string, number>>;
  /** Effect of every decision, in any order. */
  readonly effects: readonly string[];
  /** State of its hold in the ledger; `null` where there was none, or it is forgotten. */
  readonly hold: string | null;
}

/** What the upstream, the clients, the record and the ledger say when all is over. */
export interface Evidence {
  readonly sent: readonly SentCall[];
  /** How often the upstream ran something, by the trace of the call that asked for it. */
  readonly executions: ReadonlyMap<string, number>;
  /** The same by the intended effect. */
  readonly executionsOfText: ReadonlyMap<string, number>;
  readonly kept: readonly KeptCall[];
  /** Call ids that operators are shown: calls in doubt, and holds in doubt. */
  readonly callsInDoubt: readonly string[];
  readonly holdsInDoubt: readonly string[];
  readonly money: { readonly heldMicros: number; readonly spentMicros: number };
  readonly settledMicros: number;
  readonly verification: Pick<AuditVerification, 'ok' | 'faults'>;
  /** Records that the log holds and the event chain does not, by topic; with how many dead letters there are. */
  readonly missing: Readonly<Record<string, number>>;
  readonly deadLetters: number;
}

/** Counts what reaches the upstream and forgets the rest of it, so that an hour of calls fits. */
export class ExecutionCount {
  readonly byTrace = new Map<string, number>();
  readonly byText = new Map<string, number>();
  private readonly received: ReceivedCall[];

  constructor(cluster: Cluster) {
    this.received = cluster.upstream.calls;
  }

  /** Takes in what came since the last time. */
  take(): void {
    for (const { meta, arguments: args } of this.received.splice(0)) {
      const [, traceId = ''] = String(meta.traceparent).split('-');
      add(this.byTrace, traceId);
      add(this.byText, String(args.text));
    }
  }
}

const add = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** Topics of which every record is in the event chain. */
const RECORDED = Object.entries(TOPICS).flatMap(([topic, { to, cleanup }]) =>
  cleanup === 'delete' && to.some((reader) => reader === 'audit-projector') ? [topic] : [],
);
/** A gateway is given up 15 to 30 s after its last sign of life and looked for every few seconds; a busy machine takes longer. */
const SETTLED_MS = 120_000;
const PAGE = 200;

/**
 * Waits until nothing is under way any more, and collects everything. What did not end in time is in the evidence as it is: whoever reads it
 * finds the call without an end.
 */
export const collect = async (cluster: Cluster, sent: readonly SentCall[], executions: ExecutionCount): Promise<Evidence> => {
  await untilNothingIsOpen(cluster).catch(() => undefined);
  const missing = await untilAllIsRecorded(cluster);
  executions.take();
  const [money] = await cluster.admin<{ usage: string }>(
    `SELECT usage FROM budget_accountant.account WHERE tenant_id = 'acme' AND account = 'tenant:acme'`,
  );
  const usage = JSON.parse(money?.usage ?? '{}') as { month?: { money?: { USD?: { held: number; spent: number } } } };
  const [settled] = await cluster.admin<{ micros: string | null }>(
    `SELECT sum((amount ->> 'amountMicros')::bigint) AS micros
       FROM (SELECT DISTINCT ON (event_id) value::json AS data FROM audit_projector.audit_event WHERE event_type = 'BudgetSettled') AS settled,
            json_array_elements(data -> 'amounts') AS amount WHERE amount ->> 'account' = 'tenant:acme'`,
  );
  const [letters] = await cluster.admin<{ count: string }>(
    `SELECT count(*) FROM audit_projector.audit_event WHERE topic LIKE '%.dead-letter.v1'`,
  );
  return {
    sent,
    executions: executions.byTrace,
    executionsOfText: executions.byText,
    kept: await keptCalls(cluster),
    callsInDoubt: await listed(cluster, cluster.gatewayUrl, '/v1/calls/in-doubt', (page) => {
      const { calls, nextCursor } = CallsInDoubt.parse(page);
      return { ids: calls.map(({ callId }) => callId), nextCursor };
    }),
    holdsInDoubt: HoldsInDoubt.parse(
      await readAsOffice(cluster, cluster.service('budget-accountant').url, '/v1/budgets/in-doubt'),
    ).holds.map(({ callId }) => callId),
    money: { heldMicros: usage.month?.money?.USD?.held ?? 0, spentMicros: usage.month?.money?.USD?.spent ?? 0 },
    settledMicros: Number(settled?.micros ?? 0),
    verification: await until('the record is verified', () => cluster.record.verify(), SETTLED_MS),
    missing,
    deadLetters: Number(letters?.count ?? 0),
  };
};

const listed = async (
  cluster: Cluster,
  base: string,
  path: string,
  read: (page: unknown) => { readonly ids: readonly string[]; readonly nextCursor: string | null },
): Promise<readonly string[]> => {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = read(await readAsOffice(cluster, base, `${path}?limit=${PAGE}${after}`));
    ids.push(...page.ids);
    cursor = page.nextCursor;
  }
  return ids;
};

const keptCalls = async (cluster: Cluster): Promise<readonly KeptCall[]> => {
  const calls = await cluster.admin<{ call_id: string; trace_id: string | null; outcome: string; hold: string | null }>(
    `SELECT record.call_id, record.trace_id, record.outcome, ledger.status AS hold
       FROM audit_projector.call_record AS record LEFT JOIN budget_accountant.call AS ledger USING (tenant_id, call_id)`,
  );
  const events = await cluster.admin<{ call_id: string; event_type: string; count: string }>(
    `SELECT call_id, event_type, count(DISTINCT event_id) FROM audit_projector.audit_event WHERE call_id IS NOT NULL GROUP BY 1, 2`,
  );
  const effects = await cluster.admin<{ call_id: string; effects: string[] }>(
    `SELECT call_id, array_agg(value::json ->> 'effect') AS effects FROM audit_projector.audit_event WHERE event_type = 'PolicyDecided' GROUP BY 1`,
  );
  const eventsOf = new Map<string, Record<string, number>>();
  for (const { call_id: callId, event_type: type, count } of events)
    eventsOf.set(callId, { ...eventsOf.get(callId), [type]: Number(count) });
  const effectsOf = new Map(effects.map(({ call_id: callId, effects: all }) => [callId, all]));
  return calls.map(({ call_id: callId, trace_id: traceId, outcome, hold }) => ({
    ...{ callId, traceId: traceId ?? '', outcome, hold },
    events: eventsOf.get(callId) ?? {},
    effects: effectsOf.get(callId) ?? [],
  }));
};

const untilNothingIsOpen = (cluster: Cluster): Promise<boolean> =>
  until(
    'every call has ended',
    async () => {
      const [row] = await cluster.admin<{ open: string }>(
        `SELECT (SELECT count(*) FROM audit_projector.call_record WHERE outcome IN ('pending', 'waiting', 'input-required'))
              + (SELECT count(*) FROM budget_accountant.call WHERE status = 'held' AND NOT in_doubt)
              + (SELECT count(*) FROM edge_gateway.open_calls WHERE stage <> 'in-doubt') AS open`,
      );
      return row?.open === '0' ? true : undefined;
    },
    SETTLED_MS,
  );

/** Waits until the event chain has everything that the log has, and tells what it lacks when it does not come to that. */
const untilAllIsRecorded = async (cluster: Cluster): Promise<Record<string, number>> => {
  let missing: Record<string, number> = {};
  const log = cluster.kafka === undefined ? undefined : await openKafkaEventLog({ brokers: cluster.kafka.brokers });
  const look = async (): Promise<true | undefined> => {
    const entries = await cluster.admin<{ topic: string; count: string }>(
      'SELECT topic, count(*) FROM audit_projector.audit_event GROUP BY topic',
    );
    const recorded = new Map(entries.map(({ topic, count }) => [topic, Number(count)]));
    missing = {};
    for (const topic of RECORDED) {
      const appended = log === undefined ? await appendedTo(cluster, topic) : sum([...(await log.ends(topic)).values()].map(Number));
      const lacking = appended - (recorded.get(topic) ?? 0);
      if (lacking !== 0) missing[topic] = lacking;
    }
    return Object.keys(missing).length === 0 ? true : undefined;
  };
  await until('the event chain has all that the log has', look, SETTLED_MS).catch(() => undefined);
  await log?.close();
  return missing;
};

const appendedTo = async (cluster: Cluster, topic: string): Promise<number> => {
  const [row] = await cluster.admin<{ end: string | null }>('SELECT sum(next_position) AS end FROM log.partition WHERE topic = $1', [
    topic,
  ]);
  return Number(row?.end ?? 0);
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
