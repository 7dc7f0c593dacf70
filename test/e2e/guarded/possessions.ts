import { ApprovalPage, CallsInDoubt } from '@sallyport/contracts';
import { type Cluster, type CountingUpstream, policyFilesOf, until } from '@sallyport/testing';
import { ask, OWN_TENANT } from './asking.ts';
import type { Possessions } from './office-ways.ts';

/** Stands in what the one tenant wrote itself: its arguments, its policies. */
export const MARK = 'oberlaender';
/** Writes that need a grant by name. */
export const GRANTED: readonly string[] = ['story/erase', 'sessions/add'];

/** Lost gateways are looked for every few seconds. */
const RECOVERED_MS = 60_000;

const jsonOf = (text: string): Record<string, unknown> => JSON.parse(text);

const policyFiles = (): Readonly<Record<string, string>> => ({ ...policyFilesOf(GRANTED), 'own.cedar': `// Written by ${MARK}.\n` });

/** Asks for a write that people must agree to; the question stays when its client is sent away. */
const askPeople = async (cluster: Cluster, count: number): Promise<readonly string[]> => {
  for (let n = 0; n < count; n++) {
    const body = { tool: 'story/erase', arguments: { text: `${MARK} ${n}` } };
    await ask(cluster, 'agent', { verb: 'POST', path: '/v1/invoke', body });
  }
  return until('people are asked', async () => {
    const { text } = await ask(cluster, 'office', { verb: 'GET', path: '/v1/approvals?status=pending' });
    const { approvals } = ApprovalPage.parse(jsonOf(text));
    return approvals.length === count ? approvals.map(({ approvalId }) => approvalId) : undefined;
  });
};

/** A write that is at its upstream when its gateway is declared lost: recovery finds it, and nobody knows. */
const loseACall = async (cluster: Cluster, upstream: CountingUpstream): Promise<string> => {
  await upstream.setMode({ kind: 'silent' });
  const body = { tool: 'sessions/add', arguments: { a: 1, b: 2 } };
  void ask(cluster, 'agent', { verb: 'POST', path: '/v1/invoke', body }).catch(() => undefined);
  await upstream.whenCalled('add');
  await cluster.admin('UPDATE edge_gateway.edge_instances SET ended_at = now()');
  const callId = await until(
    'the call is in doubt',
    async () => {
      const { text } = await ask(cluster, 'office', { verb: 'GET', path: '/v1/calls/in-doubt' });
      return CallsInDoubt.parse(jsonOf(text)).calls[0]?.callId;
    },
    RECOVERED_MS,
  );
  await cluster.admin('UPDATE edge_gateway.edge_instances SET ended_at = NULL');
  await upstream.setMode({ kind: 'up' });
  return callId;
};

/** Gives the tenant one of everything. */
export const acquire = async (
  cluster: Cluster,
  upstream: CountingUpstream,
): Promise<{ readonly own: Possessions; readonly marks: readonly string[] }> => {
  const called = await ask(cluster, 'agent', { verb: 'POST', path: '/v1/invoke', body: { tool: 'story/echo', arguments: { text: MARK } } });
  const callId = String(jsonOf(called.text).callId);
  const { call } = await cluster.record.call(callId);
  const files = policyFiles();
  const put = await ask(cluster, 'office', { verb: 'PUT', path: '/v1/policies', body: { files, why: 'a mark of ours' } });
  if (put.status !== 200) throw new Error(`the policies were not taken: ${put.text}`);
  const [first, second, third, fourth] = await askPeople(cluster, 4);
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error('nobody was asked');
  const poisonedChain = `${OWN_TENANT}-chain-that-is-poisoned`;
  await cluster.admin(
    `INSERT INTO policy_decision.chain_poison (chain_id, dead_letter_id, tenant_id, service, reason, active, epoch)
     VALUES ($1, 'guarded/1', $2, 'approval', 'poison', true, 0)`,
    [poisonedChain, OWN_TENANT],
  );
  const callInDoubt = await loseACall(cluster, upstream);
  const own = { callId, callInDoubt, poisonedChain, policyFiles: files, approvals: [first, second, third, fourth] as const };
  const [pinned] = await cluster.admin<{ digest: string }>(
    `SELECT record::json ->> 'pinnedDigest' AS digest FROM policy_decision.catalog_tool WHERE tenant_id = $1 AND id = 'story/echo'`,
    [OWN_TENANT],
  );
  const marks = [callId, callInDoubt, call.chainId, call.traceId, poisonedChain, MARK, 'user:ada', 'user:grace', ...own.approvals];
  return { own, marks: pinned?.digest === undefined ? marks : [...marks, pinned.digest] };
};
