import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '@sallyport/testing';
import fc from 'fast-check';
import { post, type Reply } from '../write-calls.ts';

/** What a client wants; `refused` is not allowed, `unaffordable` allowed and not paid for. */
export const CALL_KINDS = ['read', 'write', 'keyed', 'asked', 'plan', 'refused', 'unaffordable'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** Kinds of which no byte may ever reach the upstream. */
export const NEVER_SENT: ReadonlySet<CallKind> = new Set(['plan', 'refused', 'unaffordable']);
/** Kinds that a client sends again with the same idempotency key until it knows how it ended. */
const SENT_AGAIN: ReadonlySet<CallKind> = new Set(['keyed', 'asked']);

/** One call as a client sent it. */
export interface SentCall {
  readonly kind: CallKind;
  /** The intended effect: no other intention has this argument, and a retry has the same. */
  readonly text: string;
  readonly traceId: string;
  readonly lane: number;
  /** The point of the campaign that was on when it was sent. */
  readonly point: number;
  /** Whether its client hung up. */
  readonly isHungUp: boolean;
  readonly sentAtMs: number;
  readonly endedAtMs: number;
  /** `null` where the connection broke or the client hung up. */
  readonly reply: Reply | null;
}

interface Intention {
  readonly kind: CallKind;
  readonly hangUpAfterMs: number | null;
  readonly pauseMs: number;
}

const anIntention: fc.Arbitrary<Intention> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant<CallKind>('read') },
    { weight: 4, arbitrary: fc.constant<CallKind>('write') },
    { weight: 6, arbitrary: fc.constant<CallKind>('keyed') },
    { weight: 3, arbitrary: fc.constant<CallKind>('asked') },
    { weight: 1, arbitrary: fc.constant<CallKind>('plan') },
    { weight: 1, arbitrary: fc.constant<CallKind>('refused') },
    { weight: 1, arbitrary: fc.constant<CallKind>('unaffordable') },
  ),
  hangUpAfterMs: fc.oneof({ weight: 10, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(120) }),
  pauseMs: fc.nat(80),
});

/** How many intentions are drawn at once. */
const DRAWN = 200;
/** Before a client who was told to come back tries again, and between two looks whether a door that was shut is open. */
const AGAIN_AFTER_MS = 300;
const LOOK_EVERY_MS = 100;
const TRIES_MAX = 12;

/** What a call of a kind is told when nothing is in the way. */
export const isAsExpected = ({ kind, reply, isHungUp }: SentCall): boolean => {
  if (reply === null || isHungUp) return false;
  // What an agent may not use, it is told that it does not know.
  if (kind === 'refused') return reply.code === 'tool.unknown';
  if (kind === 'unaffordable') return reply.code === 'budget.exhausted';
  return reply.status === 200 && reply.code === null;
};

/** Codes after which a retry with the same key may be told more. */
const isUnsettled = (reply: Reply | null): boolean => reply === null || reply.status === 503 || reply.code === 'call.deadline-passed';

/** Clients side by side, each of a workflow of its own, calling without end in an order that a seed decides. */
export class MixedCalls {
  readonly sent: SentCall[] = [];
  /** The point that is on. */
  point = 0;
  /** Where calls are sent. */
  url: string;
  /** How many calls are out. */
  inFlight = 0;
  private readonly cluster: Cluster;
  private readonly seed: number;
  private readonly stopping = new AbortController();
  private readonly tokens = new Map<string, { readonly token: string; readonly atMs: number }>();
  private readonly watchers = new Set<(call: SentCall) => void>();
  private opening: Promise<void> | undefined;
  private lanes: readonly Promise<void>[] = [];

  constructor(cluster: Cluster, seed: number) {
    this.cluster = cluster;
    this.url = cluster.gatewayUrl;
    this.seed = seed;
  }

  start(lanes: number): void {
    this.lanes = Array.from({ length: lanes }, (_, lane) => this.run(lane));
  }

  /** Lets every client finish what it has in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.lanes);
  }

  /** Tells of every call as it ends, until the returned function is called. */
  watch(watcher: (call: SentCall) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Resolves when a call that was sent after `fromMs` has ended as `isEnough` wants; `null` after `deadlineMs`. */
  async firstAfter(fromMs: number, deadlineMs: number, isEnough: (call: SentCall) => boolean): Promise<SentCall | null> {
    return await new Promise((resolve) => {
      const done = (call: SentCall | null): void => {
        clearTimeout(timer);
        unwatch();
        resolve(call);
      };
      const timer = setTimeout(() => done(null), deadlineMs);
      const unwatch = this.watch((call) => {
        if (call.sentAtMs > fromMs && isEnough(call)) done(call);
      });
    });
  }

  /** Sends one call beside the lanes. */
  async send(kind: CallKind, text: string, traceId: string, lane = 0, hangUpAfterMs: number | null = null): Promise<SentCall> {
    const point = this.point;
    const sentAtMs = performance.now();
    const client = new AbortController();
    const timer = hangUpAfterMs === null ? undefined : setTimeout(() => client.abort(), hangUpAfterMs);
    this.inFlight += 1;
    const reply = await this.post(kind, text, traceId, lane, client.signal);
    this.inFlight -= 1;
    clearTimeout(timer);
    const call: SentCall = {
      ...{ kind, text, traceId, lane, point, sentAtMs, reply },
      isHungUp: client.signal.aborted,
      endedAtMs: performance.now(),
    };
    this.sent.push(call);
    for (const watcher of this.watchers) watcher(call);
    return call;
  }

  private async run(lane: number): Promise<void> {
    for (let batch = 0; !this.stopping.signal.aborted; batch++) {
      const intentions = fc.sample(anIntention, { seed: this.seed + lane * 1_000_003 + batch, numRuns: DRAWN });
      for (const intention of intentions) {
        if (this.stopping.signal.aborted) return;
        await this.pursue(intention, lane);
        await delay(intention.pauseMs);
      }
    }
  }

  private async pursue({ kind, hangUpAfterMs }: Intention, lane: number): Promise<void> {
    const text = `${kind}-${randomBytes(6).toString('hex')}`;
    for (let n = 0; n < TRIES_MAX; n++) {
      // Who hangs up does so once; where it has a key, it wants to know how it ended.
      const { reply } = await this.send(kind, text, randomBytes(16).toString('hex'), lane, n === 0 ? hangUpAfterMs : null);
      if (!isUnsettled(reply)) return;
      await (reply === null ? this.untilOpen() : delay(AGAIN_AFTER_MS));
      if (!SENT_AGAIN.has(kind) || this.stopping.signal.aborted) return;
    }
  }

  /** One look for all clients: each by itself would keep the machine busy with knocking. */
  private untilOpen(): Promise<void> {
    this.opening ??= (async () => {
      while (!this.stopping.signal.aborted && !(await isOpen(new URL(this.url)))) await delay(LOOK_EVERY_MS);
      this.opening = undefined;
    })();
    return this.opening;
  }

  private async post(kind: CallKind, text: string, traceId: string, lane: number, signal: AbortSignal): Promise<Reply | null> {
    const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
    const token = await this.token(kind, lane);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', traceparent };
    const { url } = this;
    if (kind === 'read' || kind === 'write') return await post(`${url}/mcp/story`, ...mcp(kind, text, headers), signal);
    const tool = kind === 'asked' ? 'story/erase' : 'story/write';
    const more: Record<string, string> = kind === 'plan' ? { 'sallyport-plan': 'true' } : { 'idempotency-key': `key-${text}` };
    return await post(`${url}/v1/invoke`, { ...headers, ...more }, { tool, arguments: { text } }, signal);
  }

  private async token(kind: CallKind, lane: number): Promise<string> {
    const subject = kind === 'unaffordable' ? 'ben' : 'ada';
    const agent = kind === 'refused' || kind === 'read' ? 'triage' : 'writer';
    const name = `${subject} ${agent} ${lane}`;
    const known = this.tokens.get(name);
    if (known !== undefined && performance.now() - known.atMs < TOKEN_MS) return known.token;
    const token = await this.cluster.token({ subject, agent, workflow: `lane-${lane}`, ttlSeconds: (2 * TOKEN_MS) / 1_000 });
    this.tokens.set(name, { token, atMs: performance.now() });
    return token;
  }
}

const isOpen = ({ hostname: host, port }: URL): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(port), host);
    const done = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });

/** For how long a client uses a token; it holds for twice that. */
const TOKEN_MS = 600_000;

const mcp = (kind: 'read' | 'write', text: string, shared: Record<string, string>): [headers: Record<string, string>, body: unknown] => {
  const name = kind === 'read' ? 'echo' : 'write';
  const headers = {
    ...{ ...shared, accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28' },
    ...{ 'mcp-method': 'tools/call', 'mcp-name': name },
  };
  const meta = {
    ...{ 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} },
    traceparent: shared.traceparent,
  };
  return [headers, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { text }, _meta: meta } }];
};
