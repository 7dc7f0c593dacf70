import { CallPage, type CallRecord } from '@sallyport/contracts';
import { until } from '@sallyport/testing';
import type { GovernedGateway } from './governed-gateway.ts';

/** Methods that only a client's request brings to an upstream; lists and greetings the gateway asks for itself as well. */
const OF_CLIENTS = ['tools/call', 'prompts/get', 'resources/read', 'completion/complete', 'resources/subscribe', 'resources/unsubscribe'];
const PAGE = '200';

export interface RecordFindings {
  readonly calls: number;
  readonly masked: number;
  readonly events: number;
  readonly faults: readonly string[];
}

/** Holds the record against what reached the upstream: each message was allowed by a policy, nothing is left open, and the chain verifies. */
export const recordFaults = async (gateway: GovernedGateway, received: Readonly<Record<string, number>>): Promise<RecordFindings> => {
  let calls = await allCalls(gateway);
  await until('every call on record has ended', async () => {
    calls = await allCalls(gateway);
    return openAmong(calls).length === 0 ? true : undefined;
  }).catch(() => {});
  const faults = openAmong(calls).map(({ method, target, callId }) => `${method} ${target ?? ''} (${callId}) has no end on record`);
  for (const method of OF_CLIENTS) {
    const allowed = calls.filter((call) => call.method === method && call.decision === 'allow' && call.policyIds.length > 0).length;
    const reached = received[method] ?? 0;
    if (reached > allowed || reached === 0) faults.push(`${method}: ${reached} reached the server, ${allowed} are on record as allowed`);
  }
  const masked = calls.filter(({ resultRedactions }) => resultRedactions.length > 0).length;
  if (masked === 0) faults.push('the suite sends an address that policies mask, and nothing was masked');
  const verification = await gateway.record.verify();
  if (!verification.ok) faults.push(...verification.faults.map((fault) => JSON.stringify(fault)));
  return { calls: calls.length, masked, events: verification.eventsChecked, faults };
};

const openAmong = (calls: readonly CallRecord[]): readonly CallRecord[] => calls.filter(({ outcome }) => outcome === 'pending');

const allCalls = async (gateway: GovernedGateway): Promise<CallRecord[]> => {
  const calls: CallRecord[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor === '' ? {} : { cursor }) });
    const page: CallPage = CallPage.parse(await get(gateway, `/v1/audit/calls?${query.toString()}`));
    calls.push(...page.calls);
    cursor = page.nextCursor;
  }
  return calls;
};

const get = async ({ url, auditToken }: GovernedGateway, path: string): Promise<unknown> => {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${await auditToken()}` } });
  return await response.json();
};
