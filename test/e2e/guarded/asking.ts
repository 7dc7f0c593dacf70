import type { StoredEvent } from '@sallyport/contracts';
import { type Cluster, type FetchedAnswer, type TokenRequest, until } from '@sallyport/testing';
import { expect } from 'vitest';

/** The tenant that has everything, and the one that must get nothing of it. */
export const OWN_TENANT = 'acme';
export const OTHER_TENANT = 'umbrella';
/** Every scope that people beside agents carry. */
export const OFFICE = ['sallyport:approve', 'sallyport:audit', 'sallyport:operate'];
const TOOLS = ['tools:read', 'tools:write'];

/** Who asks. `stopped` has a kill switch of its own; the other tenant's people may there whatever people may here. */
export const ASKERS = {
  agent: { subject: 'ada', agent: 'writer', scopes: TOOLS },
  stopped: { subject: 'ada', agent: 'stopped', scopes: TOOLS },
  office: { subject: 'grace', scopes: [...TOOLS, ...OFFICE] },
  stranger: { subject: 'ina', agent: 'writer', scopes: TOOLS, tenant: OTHER_TENANT },
  'other-office': { subject: 'ina', scopes: [...TOOLS, ...OFFICE], tenant: OTHER_TENANT },
} as const satisfies Record<string, TokenRequest>;
export type Asker = keyof typeof ASKERS;

export interface Request {
  readonly verb: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Whether the answer stays open: it is dropped once it has begun. */
  readonly isStream?: boolean;
}

const everybody = (tenant: string, users: readonly string[]) => ({
  users: users.map((id) => ({ id, tenant, scopes: [...TOOLS, ...OFFICE] })),
  agents: ['triage', 'writer', 'stopped'].map((id) => ({ id, tenant, scopes: TOOLS })),
  grants: ['triage', 'writer', 'stopped'].map((agent) => ({ subject: '*', agent, tenant, scopes: TOOLS })),
});

/** Two tenants with the same agents and other people. */
export const identities = () => {
  const [own, other] = [everybody(OWN_TENANT, ['ada', 'grace']), everybody(OTHER_TENANT, ['ina'])];
  return {
    users: [...own.users, ...other.users],
    agents: [...own.agents, ...other.agents],
    grants: [...own.grants, ...other.grants],
  };
};

/** Begins to ask as somebody, or as nobody. */
export const open = async (cluster: Cluster, asker: Asker | null, { verb, path, headers = {}, body }: Request): Promise<Response> => {
  const authorization = asker === null ? {} : { authorization: `Bearer ${await cluster.token(ASKERS[asker])}` };
  return fetch(`${cluster.gatewayUrl}${path}`, {
    method: verb,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers, ...authorization },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
};

/** Nothing was sent, and the same call may be sent again: the machine is busy. */
const BUSY = /"code":"(policy\.unavailable|budget\.unavailable|call\.deadline-passed)"/;
const BUSY_TRIES_MAX = 5;

/** Asks, and asks again as long as nobody had the time to decide. A stream is dropped once it has begun. */
export const ask = async (cluster: Cluster, asker: Asker | null, request: Request): Promise<FetchedAnswer> => {
  for (let n = 1; ; n++) {
    const response = await open(cluster, asker, request);
    const { status, headers } = response;
    if (request.isStream === true && headers.get('content-type')?.startsWith('text/event-stream') === true) {
      await response.body?.cancel();
      return { status, headers, text: '' };
    }
    const text = await response.text();
    if (n === BUSY_TRIES_MAX || !BUSY.test(text)) return { status, headers, text };
  }
};

/** The id of the call that an answer is of; `null` where there was none. */
export const callIdOf = ({ headers }: FetchedAnswer): string | null => headers.get('sallyport-call-id');

/** Expects that nothing that belongs to the one tenant is in an answer to the other, but what the request itself said. */
export const expectNothingOf = (marks: readonly string[], request: Request, { text, headers }: FetchedAnswer): void => {
  const said = JSON.stringify(request);
  const told = `${text}\n${JSON.stringify([...headers])}`;
  for (const mark of marks) if (!said.includes(mark)) expect(told, `${request.verb} ${request.path}`).not.toContain(mark);
};

/** How many events of a type a tenant has on record. */
export const eventsOf = async (cluster: Cluster, tenantId: string, type: string): Promise<number> => {
  const [row] = await cluster.admin<{ count: string }>(
    'SELECT count(*) FROM audit_projector.audit_event WHERE tenant_id = $1 AND event_type = $2',
    [tenantId, type],
  );
  return Number(row?.count ?? 0);
};

/** How often requests were turned away with a code, as the record counts them. */
export const rejectionsOf = async (cluster: Cluster, code: string): Promise<number> => {
  const [row] = await cluster.admin<{ count: string | null }>(
    `SELECT sum((value::json ->> 'count')::bigint) AS count FROM audit_projector.audit_event
      WHERE event_type = 'RequestRejected' AND value::json ->> 'code' = $1`,
    [code],
  );
  return Number(row?.count ?? 0);
};

/** Expects that what is done turns away exactly so many requests with a code, and that the record counts every one. */
export const expectRejections = async (cluster: Cluster, code: string, count: number, act: () => Promise<unknown>): Promise<void> => {
  const before = await rejectionsOf(cluster, code);
  await act();
  await until(`${count} rejections with ${code} are on record`, async () => {
    const now = (await rejectionsOf(cluster, code)) - before;
    if (now > count) throw new Error(`${now} of them`);
    return now === count || undefined;
  });
};

/** The types of a call's events that are about money. */
export const moneyOf = (events: readonly Pick<StoredEvent, 'type'>[]): readonly string[] =>
  events.map(({ type }) => type).filter((type) => type.startsWith('Budget'));

const AT_ONCE = 6;

/** Tries all of something, several at once, and hands over what went wrong, each with its name. Empty: nothing did. */
export const faultsOf = async <T>(
  all: readonly T[],
  nameOf: (one: T) => string,
  probe: (one: T) => Promise<void>,
): Promise<readonly string[]> => {
  const left = [...all];
  const faults: string[] = [];
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const name = nameOf(one);
      await probe(one).catch((error: unknown) =>
        faults.push(`${name}: ${error instanceof Error ? error.message.slice(0, 600) : String(error)}`),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return faults.sort();
};
