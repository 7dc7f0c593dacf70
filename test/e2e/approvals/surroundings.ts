import { OwnBudgets } from '@sallyport/contracts';
import {
  type Cluster,
  type ClusterOptions,
  type ClusterSize,
  OFFICE_SCOPES,
  type RecordedCall,
  STORY_SCOPES,
  STORY_TENANT,
  until,
} from '@sallyport/testing';
import { Agent } from '../agent.js';
import { APPROVE, Desk, PATIENCE_MS } from './desk.js';

/** The tools of these stories that write; `writer` may use them once somebody agreed. */
export const APPROVED_WRITES: readonly string[] = ['story/transfer', 'story/publish', 'story/amend'];
/** A tenant beside the one of the stories, with the same people in it. */
export const OTHER_TENANT = 'umbrella';
/** How long a client is held: short, so that stories see what comes after it; clients of 2026-07-28 come back eight times. */
const HOLD_MS = 2_000;

const EVERYTHING = [...STORY_SCOPES, ...OFFICE_SCOPES, APPROVE];
const TENANTS = [STORY_TENANT, OTHER_TENANT];
const ofEveryTenant = (entries: readonly object[]): object[] => TENANTS.flatMap((tenant) => entries.map((entry) => ({ ...entry, tenant })));

/** The approval rules in force; `people` answer for high-risk writes. */
export const approvalRules = (people: readonly string[]): readonly object[] => [
  { id: 'high-risk', approvers: people, waitSeconds: 600, grantSeconds: 600 },
  // The shortest that the configuration takes: silence is waited for.
  { id: 'exports-and-deletes', approvers: ['*'], waitSeconds: 10, grantSeconds: 10 },
  { id: 'second-pair', approvers: ['olga'], waitSeconds: 600, grantSeconds: 600 },
];

export const APPROVERS = ['grace', 'olga', 'ada'];

/** A cluster for stories of approval: short holds, two edges where services are processes, and everybody with every scope. */
export const approvalsCluster = (size: ClusterSize): ClusterOptions => ({
  size,
  edges: 2,
  grantedWrites: APPROVED_WRITES,
  configuration: {
    tenants: TENANTS.map((id) => ({ id, name: id })),
    gateway: { approvalHoldMs: HOLD_MS, decisionTimeoutMs: 10_000, callTtlMs: 20_000, observeEveryMs: 1_000 },
    identity: {
      // What is refused here is refused by the rules of approval and not by a missing scope.
      users: ofEveryTenant(['ada', 'bob', 'mia', 'grace', 'olga'].map((id) => ({ id, scopes: EVERYTHING }))),
      agents: ofEveryTenant(['triage', 'writer', 'clerk'].map((id) => ({ id, scopes: EVERYTHING }))),
      grants: ofEveryTenant(['triage', 'writer', 'clerk'].map((agent) => ({ subject: '*', agent, scopes: EVERYTHING }))),
    },
    approvals: { rules: approvalRules(APPROVERS) },
    budget: {
      limits: [{ tenant: STORY_TENANT, account: 'user:mia', window: 'day', maxMicros: 1_000_000, currency: 'USD' }],
    },
    upstreams: [{ server: 'story', tenant: OTHER_TENANT, transport: { kind: 'http', url: 'http://127.0.0.1:9/mcp' } }],
  },
});

/** Who asks. */
export interface Asker {
  readonly subject: string;
  readonly agent: string | readonly string[];
  readonly tenant?: string;
}

export const ADA: Asker = { subject: 'ada', agent: 'writer' };

let accounts = 0;
/** An account that no other story moves anything to: the oracle counts by it. */
export const anAccount = (): string => `account-${++accounts}-of-the-stories`;

/** What every story of approval needs. */
export class Surroundings {
  readonly desk: Desk;

  constructor(readonly cluster: Cluster) {
    this.desk = new Desk(cluster);
  }

  /** The addresses of the gateway: one in the embedded size, two outside it. */
  get edges(): readonly string[] {
    const edges = this.cluster.processes().filter(({ name }) => name.startsWith('edge-gateway'));
    return edges.length === 0 ? [this.cluster.gatewayUrl] : edges.map(({ url }) => url);
  }

  /** The last edge: another than the first wherever there is another. */
  get otherEdge(): string {
    return this.edges.at(-1) ?? this.cluster.gatewayUrl;
  }

  tokenOf(asker: Asker): Promise<string> {
    return this.cluster.token(asker);
  }

  /** Opens a client of the v2 SDK. */
  async modern(asker: Asker = ADA, edge = this.cluster.gatewayUrl): Promise<Agent> {
    return await Agent.modern(`${edge}/mcp/story`, await this.tokenOf(asker));
  }

  /** Opens a client of the v2 SDK whose calls reach another edge each time, as behind a balancer. */
  async modernOverEdges(asker: Asker): Promise<Agent> {
    const { edges } = this;
    let calls = 0;
    return await Agent.modern(`${edges[0]}/mcp/story`, await this.tokenOf(asker), (_input, init) => {
      const isCall = new Headers(init?.headers).get('mcp-method') === 'tools/call';
      const edge = edges[isCall ? calls++ % edges.length : 0];
      return fetch(new URL('/mcp/story', edge), init);
    });
  }

  /** Opens a client of the v1 SDK. */
  async legacy(asker: Asker = ADA, edge = this.cluster.gatewayUrl): Promise<Agent> {
    return await Agent.legacy(`${edge}/mcp/story`, await this.tokenOf(asker));
  }

  /** How often an account was really paid. */
  paid(account: string): number {
    return this.cluster.upstream.callsOf('transfer').filter((call) => call.arguments.to === account).length;
  }

  /** A call on record, once it has come out so. */
  async recorded(callId: string | null, outcome: string): Promise<RecordedCall> {
    return await until(
      `call ${callId} is ${outcome} on record`,
      async () => {
        const recorded = await this.cluster.record.call(callId ?? '');
        return recorded.call.outcome === outcome ? recorded : undefined;
      },
      PATIENCE_MS,
    );
  }

  /** A call on record, once nobody is asked about it any more. */
  async ended(callId: string): Promise<RecordedCall['call']> {
    return await until(
      `call ${callId} has ended on record`,
      async () => {
        const { call } = await this.cluster.record.call(callId);
        return call.outcome === 'waiting' ? undefined : call;
      },
      PATIENCE_MS,
    );
  }

  /** A call on record, once this has happened to it so often. */
  async heard(callId: string | null, type: string, times: number): Promise<RecordedCall> {
    return await until(
      `${type} is on record ${times} times for ${callId}`,
      async () => {
        const recorded = await this.cluster.record.call(callId ?? '');
        return recorded.types.filter((known) => known === type).length >= times ? recorded : undefined;
      },
      PATIENCE_MS,
    );
  }

  /** What the books say of the one limit of these stories: the asker's own, for the day. */
  async moneyOf(asker: Asker): Promise<{ readonly held: number; readonly spent: number }> {
    const base = this.cluster.service('budget-accountant').url;
    const { status, text } = await this.cluster.fetchAs(asker, '/v1/budgets/me', { base });
    if (status !== 200) throw new Error(`budgets of ${asker.subject}: ${status} ${text}`);
    const { accounts } = OwnBudgets.parse(JSON.parse(text));
    const day = accounts.find(({ account }) => account === `user:${asker.subject}`)?.windows.find(({ window }) => window === 'day');
    return day?.money.USD ?? { held: 0, spent: 0 };
  }
}
