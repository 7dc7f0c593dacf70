import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { ApprovalPage } from '@sallyport/contracts';
import { type Cluster, type ClusterOptions, type ClusterService, type ConfigurationPart, startCluster, until } from '@sallyport/testing';

/** What every write costs here, so that a hold is money. */
export const WRITE_MICROS = 700;

const CATALOG = `server: story
defaults:
  owner: story-team
  dataDomain: stories
  supportContact: the story desk
  version: 1.0.0
  lifecycle: active
  lastReviewed: 2026-11-16
  costMicros: ${WRITE_MICROS}
  currency: USD
  pin: on-first-use
tools:
  echo: { tier: read, costMicros: 0 }
  write: { tier: write-low }
  erase: { tier: write-high, tags: [delete] }
`;

/** Of the person who grants and of the one who looks into what is left. */
const OFFICE = ['sallyport:approve', 'sallyport:audit', 'sallyport:operate'];
/** Longer than anything takes on a machine that is busy starting gateways. */
const PATIENCE = { decisionTimeoutMs: 15_000, callTtlMs: 25_000 };
const CLIENT_TIMEOUT_MS = 60_000;

/** How a write is called: over MCP as it is, over REST with a key, over REST with a key where people must agree. */
export const FLOWS = ['plain', 'keyed', 'asked'] as const;
export type Flow = (typeof FLOWS)[number];

/** One intended effect: sent once, and perhaps again with the same key. */
export interface Write {
  readonly flow: Flow;
  /** The argument that no other write has. */
  readonly text: string;
}

/** What a client got; `null` when the connection broke first. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  /** The error code within; `null` where there is none. */
  readonly code: string | null;
}

/** What of a faulty cluster is not the same for all. */
export interface FaultyClusterOptions extends Pick<ClusterOptions, 'size' | 'edges' | 'kafka' | 'programs' | 'prepare'> {
  /** Beside the gateway, whose steps are watched in its modules. */
  readonly bundled?: readonly Exclude<ClusterService, 'edge-gateway'>[];
  /** Merged into `sallyport.yaml`; how patient the gateway is, too. */
  readonly configuration?: ConfigurationPart;
}

/** For `NODE_OPTIONS`: a process that is watched ends where a marked call tells it to. */
export const ENDS_AT_STEP = `--import=${new URL('./ends-at-step.preload.ts', import.meta.url).href}`;

/** A product with gateways that end where a marked call tells them to. The user `ben` cannot pay for a write. */
export const startFaultyCluster = ({ configuration = {}, bundled = [], ...options }: FaultyClusterOptions): Promise<Cluster> =>
  startCluster({
    ...options,
    grantedWrites: ['story/erase'],
    catalog: { story: CATALOG },
    configuration: {
      gateway: PATIENCE,
      budget: { limits: [{ tenant: 'acme', account: 'user:ben', window: 'month', maxMicros: WRITE_MICROS - 1, currency: 'USD' }] },
      ...configuration,
      identity: {
        users: [
          { id: 'ada', tenant: 'acme', scopes: ['tools:read', 'tools:write'] },
          { id: 'ben', tenant: 'acme', scopes: ['tools:read', 'tools:write'] },
          { id: 'grace', tenant: 'acme', scopes: ['tools:read', 'tools:write', ...OFFICE] },
        ],
      },
    },
    bundled,
    gatewayEnv: { NODE_OPTIONS: ENDS_AT_STEP },
  });

export const aWrite = (flow: Flow): Write => ({ flow, text: `${flow}-${randomBytes(6).toString('hex')}` });

/** Sends a write through one gateway, on a connection of its own. */
export const send = async (cluster: Cluster, url: string, write: Write, traceId: string, signal?: AbortSignal): Promise<Reply | null> => {
  const token = await cluster.token({ subject: 'ada', agent: 'writer' });
  const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
  const shared = { authorization: `Bearer ${token}`, 'content-type': 'application/json', traceparent };
  const args = { text: write.text };
  if (write.flow !== 'plain') {
    const tool = write.flow === 'keyed' ? 'story/write' : 'story/erase';
    const headers = { ...shared, 'idempotency-key': `key-${write.text}` };
    return post(`${url}/v1/invoke`, headers, { tool, arguments: args }, signal);
  }
  const headers = {
    ...{ ...shared, accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28' },
    ...{ 'mcp-method': 'tools/call', 'mcp-name': 'write' },
  };
  const meta = {
    ...{ 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} },
    traceparent,
  };
  const params = { name: 'write', arguments: args, _meta: meta };
  return post(`${url}/mcp/story`, headers, { jsonrpc: '2.0', id: 1, method: 'tools/call', params }, signal);
};

/** Posts JSON on a connection of its own; `null` when that broke before the answer was complete. */
export const post = (url: string, headers: Record<string, string>, body: unknown, signal?: AbortSignal): Promise<Reply | null> =>
  new Promise((resolve) => {
    const lost = (): void => resolve(null);
    const outgoing = request(url, { method: 'POST', headers, agent: false, timeout: CLIENT_TIMEOUT_MS, ...(signal ? { signal } : {}) });
    outgoing.once('error', lost).once('timeout', () => outgoing.destroy());
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', lost).once('close', lost);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, text, code: /"code":"([a-z.-]+)"/.exec(text)?.[1] ?? null });
      });
    });
    outgoing.end(JSON.stringify(body));
  });

/** Answers that come from a machine that is busy: nothing was sent, and the same call may be sent again. */
export const BUSY: ReadonlySet<string | null> = new Set([
  'policy.unavailable',
  'budget.unavailable',
  'approval.unavailable',
  'call.deadline-passed',
]);
const BUSY_TRIES_MAX = 5;

/** Sends a write with a key until it is answered by more than that nobody had the time. */
export const sendPatiently = async (cluster: Cluster, url: string, write: Write): Promise<Reply | null> => {
  let reply: Reply | null = null;
  for (let n = 0; n < BUSY_TRIES_MAX; n++) {
    reply = await send(cluster, url, write, randomBytes(16).toString('hex'));
    if (reply === null || !BUSY.has(reply.code)) return reply;
  }
  return reply;
};

/** How often the upstream ran an intended effect, whoever sent it. */
export const executions = (cluster: Cluster, { text }: Write): number =>
  cluster.upstream.calls.filter((call) => call.arguments.text === text).length;

/** How often one call, told by its trace, was run. */
export const executionsOf = (cluster: Cluster, traceId: string): number =>
  cluster.upstream.calls.filter((call) => call.body.includes(traceId)).length;

/** Reads a JSON answer as the office; throws when it is none. */
export const readAsOffice = async (cluster: Cluster, base: string, path: string): Promise<unknown> => {
  const { status, text } = await cluster.fetchAs({ subject: 'grace', scopes: OFFICE }, path, { base });
  if (status !== 200) throw new Error(`${path}: ${status} ${text.slice(0, 300)}`);
  return JSON.parse(text);
};

/** Grants whatever is asked, as soon as it is, until the returned function is called. */
export const grantEverything = (cluster: Cluster): (() => Promise<void>) => {
  const over = new AbortController();
  const base = cluster.service('approval').url;
  const round = async (): Promise<boolean | undefined> => {
    const { approvals } = ApprovalPage.parse(await readAsOffice(cluster, base, '/v1/approvals?status=pending&limit=200'));
    for (const { approvalId } of approvals)
      await cluster.fetchAs({ subject: 'grace', scopes: OFFICE }, `/v1/approvals/${approvalId}/grant`, { method: 'POST', body: {}, base });
    return over.signal.aborted || undefined;
  };
  const granting = until('everything is granted', round, 600_000);
  granting.catch(() => undefined);
  return async () => {
    over.abort();
    await granting;
  };
};
