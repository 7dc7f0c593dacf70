import { type AnyEnvelope, decodeEvent, type Principal } from '@sallyport/contracts';
import { MemoryEventLog } from '@sallyport/log';
import type { JsonObject } from '@sallyport/mcp';
import { openSealer, quietTelemetry, rootKeyOf, systemClock, systemIdSource } from '@sallyport/platform';
import { aTestClock } from '@sallyport/testing';
import { CatalogView } from '../catalog-view/catalog-view.js';
import { EDGE_DEFAULTS, type EdgeSettings } from '../edge-settings.js';
import { ArgumentValidator } from '../invoke/argument-validator.js';
import type { AuthenticatedCall } from '../invoke/authenticated-call.js';
import { CallAdmission } from '../invoke/call-admission.js';
import { CallRunner } from '../invoke/call-runner.js';
import type { DispatchClaim, EarlierCall, KeptOutcome } from '../invoke/dispatch-claims.port.js';
import type { Dispatch, UpstreamExchange } from '../invoke/exchange.port.js';
import { AnswerJoin } from '../join/answer-join.js';
import { UnrecordedOutcomes } from '../record/unrecorded-outcomes.js';
import { type Accounting, type Answering, answerDecisions, aToolRecord, type People, publishTools } from './decisions.harness.js';

export const principal: Principal = {
  subject: 'user:ada',
  actors: ['agent:triage'],
  tenantId: 'acme',
  issuer: 'https://issuer.example',
  scopes: ['tools:read'],
  mode: 'interactive',
  clientId: null,
  environment: 'test',
  tokenSource: 'test',
  workflow: null,
};
export const SECRET = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789';

/** A runner on a log in memory, with services that answer by functions and claims that are told what to say. */
export const openRunner = async (answering: Answering, over: Partial<EdgeSettings> = {}, accounting?: Accounting, people?: People) => {
  const log = new MemoryEventLog();
  const clock = aTestClock();
  const settings: EdgeSettings = {
    ...EDGE_DEFAULTS,
    edgeId: 'edge-1',
    publicUrl: 'http://gateway.test',
    allowedHosts: [],
    allowedOrigins: [],
    tenants: ['acme'],
    ...over,
  };
  const join = new AnswerJoin(log, settings.edgeId);
  const catalog = new CatalogView(log, settings.edgeId);
  await publishTools(log, [
    aToolRecord({
      server: 'fs',
      name: 'read',
      definition: { name: 'read', inputSchema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } },
    }),
    aToolRecord({ server: 'fs', name: 'write', riskTier: 'write-low' }),
    aToolRecord({ server: 'fs', name: 'sync', riskTier: 'write-low', dryRunArgument: 'dryRun', idempotencyArgument: 'requestId' }),
  ]);
  await Promise.all([join.start(), catalog.start()]);
  await answerDecisions(log, answering, accounting, people);
  const claims = {
    won: [] as DispatchClaim[],
    kept: [] as KeptOutcome[],
    settled: [] as string[],
    released: [] as { readonly callId: string; readonly isGrantUnused: boolean }[],
    winning: true,
    /** Who has every key. */
    earlier: null as EarlierCall | null,
    /** Grants that another call used before. */
    used: new Set<string>(),
  };
  const closing = new AbortController();
  const unrecorded = new UnrecordedOutcomes(log);
  const runner = new CallRunner({
    settings,
    log,
    join,
    catalog,
    validator: new ArgumentValidator(),
    admission: new CallAdmission({ calls: settings.callsInFlightMaxPerTenant, streams: 10 }),
    claims: {
      win: async (claim) => {
        if (claim.approvalId !== null && claims.used.delete(claim.approvalId)) return 'approval-used';
        return claims.winning && claims.won.push(claim) > 0 ? 'won' : 'taken';
      },
      renew: async () => claims.winning,
      isClaimed: async (callId) => claims.won.some((claim) => claim.callId === callId),
      earlier: async () => claims.earlier,
      conclude: async () => {},
      release: async (callId, _attempt, { isGrantUnused }) => {
        claims.released.push({ callId, isGrantUnused });
      },
      dropAnswers: async () => {},
      settle: (callId) => {
        claims.settled.push(callId);
      },
      keep: async (outcome) => {
        claims.kept.push(outcome);
      },
      kept: async () => [],
      drain: async () => {},
    },
    unrecorded,
    minter: { mint: async ({ scope }) => ({ token: `token for ${scope}`, tokenId: 'jti-1' }) },
    sealer: openSealer({ rootKey: rootKeyOf([{ kid: 'k1', bytes: Buffer.alloc(32, 7) }], 'test'), clock: systemClock }),
    telemetry: quietTelemetry(),
    clock,
    ids: systemIdSource,
    source: '/edge-gateway/edge-1/boot-1',
    closing: closing.signal,
  });
  const events = (): AnyEnvelope[] => log.recordsOf('tool-call.events.v1').map((record) => decodeEvent(record));
  const types = (callId: string): string[] =>
    events()
      .filter((event) => event.callId === callId)
      .map((event) => event.type);
  return {
    log,
    clock,
    runner,
    claims,
    closing,
    unrecorded,
    events,
    types,
    text: () => JSON.stringify(log.recordsOf('tool-call.events.v1').map((r) => r.value)),
  };
};

let count = 0;
export const aCall = (over: Partial<AuthenticatedCall> = {}): AuthenticatedCall => ({
  callId: `call-${++count}`,
  principal,
  transport: 'rest',
  protocolVersion: null,
  method: 'tools/call',
  target: { kind: 'tool', server: 'fs', name: 'read' },
  params: { name: 'read', arguments: { path: '/tmp/a' } },
  meta: {},
  claimed: { model: null, prompt: null, intent: null, workflow: null, session: null, client: null },
  idempotencyKey: null,
  isStream: false,
  isPlan: false,
  mayTryOut: true,
  comesBack: false,
  returned: null,
  receivedAtMs: 0,
  span: quietTelemetry().startSpan('test'),
  signal: new AbortController().signal,
  ...over,
});
export const aWrite = (over: Partial<AuthenticatedCall> = {}) =>
  aCall({ target: { kind: 'tool', server: 'fs', name: 'write' }, params: { name: 'write', arguments: { text: 'x' } }, ...over });

export interface CallUpstream extends UpstreamExchange {
  readonly sent: Dispatch[];
  readonly released: JsonObject[];
}
export const anUpstream = (
  answer: (dispatch: Dispatch) => Promise<JsonObject> | JsonObject = () => ({ result: { content: [] } }),
  isReachable = true,
): CallUpstream => {
  const sent: Dispatch[] = [];
  const released: JsonObject[] = [];
  return {
    kind: 'upstream',
    server: 'fs',
    routeVersion: '1',
    audience: 'http://fs',
    fault: () => (isReachable ? null : 'upstream.circuit-open'),
    sent,
    released,
    replay: async (answer) => {
      released.push(answer);
    },
    send: async (dispatch) => {
      sent.push(dispatch);
      released.push(await dispatch.settle(await answer(dispatch)));
    },
  };
};
export const allow: Answering = () => ({});
