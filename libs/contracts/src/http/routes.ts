import { z } from 'zod';
import { ToolRecord } from '../catalog-record.js';
import type { Service } from '../topics.js';
import { ServerName } from '../values.js';
import { AccessNames, AccessPage, AccessQuery } from './access.js';
import {
  ApprovalDetail,
  ApprovalPage,
  ApprovalProgress,
  ApprovalQuery,
  ApprovalSummary,
  ApprovalTailQuery,
  GrantBody,
  RejectBody,
  UnmaskedParams,
} from './approvals.js';
import {
  AuditVerification,
  CallPage,
  CallQuery,
  CallRecord,
  CheckpointPage,
  CheckpointQuery,
  LoginPage,
  LoginQuery,
  RebuildQuery,
  RebuiltCalls,
  RejectionPage,
  RejectionQuery,
  TailQuery,
  VerifyQuery,
} from './audit.js';
import { CallDetail, ChainPage, ChainQuery } from './audit-call.js';
import { Overview, OverviewQuery } from './audit-overview.js';
import { CallProof } from './audit-proof.js';
import { BudgetPage, BudgetQuery, HoldsInDoubt, LimitInForce, OwnBudgets, PutBudgetLimit, Spending, SpendingQuery } from './budget.js';
import { CallsInDoubt, CallsInDoubtQuery, ResolveCallBody, ResolvedCall } from './calls.js';
import { CatalogPage, CatalogQuery, CatalogServers, CatalogTool, PinBody } from './catalog.js';
import {
  ConsoleLogout,
  ConsoleLogoutBody,
  ConsoleSession,
  ConsoleSessionsQuery,
  EndedConsoleSession,
  OpenConsoleSessions,
} from './console-session.js';
import { Control, ControlList, PutControl, ResolveChainBody, ResolvedChain } from './controls.js';
import { InvokeAnswer, InvokeBody, InvokePlan, ToolMenu } from './invoke.js';
import { JsonWebKeys, Liveness, ReadinessReport, ResourceMetadata } from './open.js';
import { PlanBody, PlanChoices } from './plan.js';
import {
  PoliciesInForce,
  PolicyTestRun,
  PolicyVersion,
  PolicyVersionName,
  PolicyVersionQuery,
  PolicyVersions,
  PutPolicies,
} from './policies.js';
import { type HttpRoute, OFFICE_SCOPES, type RouteName } from './route.js';
import { ServiceStatus, UpstreamsHealth } from './status.js';

const { approve: APPROVE, audit: AUDIT, operate: OPERATE } = OFFICE_SCOPES;
const READ = [OPERATE, AUDIT];
const TOOL = { server: ServerName, tool: z.string().min(1).max(256) };

/** One a service, so that each can be asked by itself. */
const statusOf = (service: Service): HttpRoute => ({
  ...{ area: 'Settings', access: [OPERATE], answer: ServiceStatus },
  summary: `Tells how ${service} stands: version, replicas, lag, dead letters, configuration in force.`,
  description: 'Counts of all tenants together, and nothing that belongs to one. No secret, address or name.',
});
const STATUS_ROUTES = {
  'GET /v1/edge-gateway/status': statusOf('edge-gateway'),
  'GET /v1/policy-decision/status': statusOf('policy-decision'),
  'GET /v1/budget-accountant/status': statusOf('budget-accountant'),
  'GET /v1/approval/status': statusOf('approval'),
  'GET /v1/audit-projector/status': statusOf('audit-projector'),
} as const;

/**
 * Every HTTP route that people and programs use, by area and then by path. Whoever adds a route adds its line here: a test holds the table
 * against the routes of the running program, both ways, and `npm run gen` makes the reference of it. MCP has a protocol of its own and is not here.
 */
export const HTTP_ROUTES: Readonly<Record<RouteName, HttpRoute>> = {
  'GET /v1/tools': {
    ...{ area: 'Calls', access: 'token', answer: ToolMenu },
    summary: 'Lists what the principal of the token may call, with schemas.',
    description: 'A call like any other: decided by policy, on record.',
    errors: ['call.tenant-saturated', 'chain.poisoned', 'control.killed', 'policy.denied', 'policy.unavailable', 'scope.insufficient'],
  },
  'POST /v1/invoke': {
    ...{ area: 'Calls', access: 'token', body: InvokeBody, answer: z.union([InvokeAnswer, InvokePlan]) },
    summary: 'Calls one tool and waits for its answer, or plans the call.',
    description:
      'Decided, paid for, inspected and on record before anything is answered. With `Sallyport-Plan: true` nothing is carried out: the answer says what would happen.',
    headers: {
      'Idempotency-Key': "The caller's key for one intended effect: the same request under the same key is carried out once.",
      'Sallyport-Plan': '`true` asks for a plan instead of an execution.',
      'Sallyport-Model': 'The model that asks, as claimed.',
      'Sallyport-Prompt': 'The human prompt behind the call, as claimed; percent-encoded UTF-8.',
      'Sallyport-Intent': 'What the agent means to do, as claimed; percent-encoded UTF-8.',
      'Sallyport-Workflow': 'A label for calls that belong together, as claimed.',
    },
    errors: [
      ...(['approval.expired', 'approval.mismatch', 'approval.rejected', 'approval.required', 'approval.unavailable'] as const),
      ...(['approval.withdrawn', 'budget.exhausted', 'budget.rate-limited', 'budget.unattributable', 'budget.unavailable'] as const),
      ...(['call.deadline-passed', 'call.in-doubt', 'call.tenant-saturated', 'catalog.not-callable', 'chain.poisoned'] as const),
      ...(['content.arguments-too-deep', 'content.arguments-too-large', 'control.killed', 'idempotency.mismatch'] as const),
      ...(['invoke.arguments-invalid', 'plan.unsupported', 'policy.denied', 'policy.unavailable', 'result.not-retained'] as const),
      ...(['scope.insufficient', 'tool.unknown', 'upstream.answer-invalid', 'upstream.answer-too-large'] as const),
      ...(['upstream.circuit-open', 'upstream.failed', 'upstream.timeout', 'upstream.unreachable'] as const),
    ],
  },
  'GET /v1/plan': {
    ...{ area: 'Calls', access: 'token', answer: PlanChoices },
    summary: 'Tells through which agents whoever asks may plan a call.',
  },
  'POST /v1/plan': {
    ...{ area: 'Calls', access: 'token', body: PlanBody, answer: InvokePlan },
    summary: 'Tells what would become of a call: what is decided, what it would cost, what would be masked, who would be asked.',
    description:
      'Never makes the call, whatever the request says: nothing is held, nobody is asked, and nothing is sent but the dry run that `dryRun` asks for and the catalog declares. It is decided as the call of the agent would be and is on record as a plan.',
    errors: [
      ...(['budget.unavailable', 'call.deadline-passed', 'call.tenant-saturated', 'content.arguments-too-deep'] as const),
      ...(['content.arguments-too-large', 'identity.forbidden', 'invoke.arguments-invalid', 'plan.unsupported'] as const),
      ...(['policy.unavailable', 'tool.unknown', 'upstream.answer-invalid', 'upstream.circuit-open', 'upstream.failed'] as const),
      ...(['upstream.timeout', 'upstream.unreachable'] as const),
    ],
  },
  'GET /v1/calls/in-doubt': {
    ...{ area: 'Calls', access: [OPERATE], query: CallsInDoubtQuery, answer: CallsInDoubt },
    summary: 'Lists calls that were sent and lost: nobody knows whether they took effect.',
  },
  'POST /v1/calls/:callId/resolution': {
    ...{ area: 'Calls', access: [OPERATE], body: ResolveCallBody, answer: ResolvedCall },
    summary: 'Says what became of a call in doubt, for the record.',
    errors: ['call.ended', 'request.not-found'],
  },

  'GET /v1/audit/calls': {
    ...{ area: 'Record', access: [AUDIT], query: CallQuery, answer: CallPage },
    summary: 'Finds calls on record, newest first.',
    description: '`text` finds calls that have all its words, each at least by its beginning, in what is on record of them in plain sight.',
  },
  'GET /v1/audit/calls/:callId': {
    ...{ area: 'Record', access: [AUDIT], answer: CallDetail, errors: ['request.invalid', 'request.not-found'] },
    summary: 'Shows a call with its events as they were recorded, its time, decisions, money and tries.',
  },
  'GET /v1/audit/calls/:callId/proof': {
    ...{ area: 'Record', access: [AUDIT], answer: CallProof, errors: ['request.invalid', 'request.not-found'] },
    summary: "Tells what is needed to check a call's place in the signed record elsewhere, with a public key alone.",
  },
  'GET /v1/audit/chains/:chainId': {
    ...{ area: 'Record', access: [AUDIT], query: ChainQuery, answer: ChainPage, errors: ['request.invalid', 'request.not-found'] },
    summary: 'Shows the calls of a chain, the oldest first, with the labels that went from one to the next.',
  },
  'GET /v1/audit/checkpoints': {
    ...{ area: 'Record', access: [AUDIT], query: CheckpointQuery, answer: CheckpointPage },
    summary: 'Lists signed checkpoints, newest first: keep one elsewhere, and nothing before it can be changed unseen.',
  },
  'GET /v1/audit/keys': {
    ...{ area: 'Open', access: 'open', answer: JsonWebKeys },
    summary: 'Public keys of the checkpoints.',
  },
  'GET /v1/audit/overview': {
    ...{ area: 'Record', access: [AUDIT], query: OverviewQuery, answer: Overview },
    summary: 'Counts calls of tools, their time, refusals and money over a window, and the numbers of governance.',
  },
  'POST /v1/audit/rebuild': {
    ...{ area: 'Record', access: [OPERATE], query: RebuildQuery, answer: RebuiltCalls, errors: ['stream.conflict'] },
    summary: 'Derives some calls of the tenant anew from their events: what they are found, counted and shown by.',
    description:
      'Ask again with `next` until that is `null`. Changes nothing on record, and what was passed on is not passed on again. Needed once after an upgrade that finds or counts calls by something new.',
  },
  'GET /v1/audit/rejections': {
    ...{ area: 'Record', access: [AUDIT], query: RejectionQuery, answer: RejectionPage },
    summary: 'Lists requests that were turned away before they were a call, newest first.',
  },
  'GET /v1/audit/logins': {
    ...{ area: 'Record', access: [AUDIT], query: LoginQuery, answer: LoginPage },
    summary: 'Lists logins to the console and ends of their sessions, newest first.',
    description: 'Failed logins are rejections with the code `console.login-failed`, by source and with an exact count.',
  },
  'GET /v1/audit/tail': {
    ...{ area: 'Record', access: [AUDIT], query: TailQuery, answer: CallRecord, stream: 'text/event-stream' },
    summary: 'Streams calls as they end, as server-sent events of type `call`.',
    description: 'The id of an event is the cursor to resume from. A comment is sent while nothing happens.',
    headers: { 'Last-Event-ID': 'Resumes after this event.' },
    errors: ['request.too-many-streams'],
  },
  'GET /v1/audit/verify': {
    ...{ area: 'Record', access: [AUDIT], query: VerifyQuery, answer: AuditVerification },
    summary: 'Recomputes the chains of the record and holds them against the signed checkpoints.',
  },

  'GET /v1/approvals': {
    ...{ area: 'Approvals', access: [APPROVE], query: ApprovalQuery, answer: ApprovalPage },
    summary: 'Lists requests for approval.',
  },
  'GET /v1/approvals/tail': {
    ...{ area: 'Approvals', access: [APPROVE], query: ApprovalTailQuery, answer: ApprovalSummary, stream: 'text/event-stream' },
    summary: 'Streams requests for approval whenever one changes, as server-sent events of type `approval`.',
    description:
      'Each event holds the request as it stands then; one may come twice. The id of an event is the cursor to resume from. A comment is sent while nothing happens. The stream ends after 15 minutes, to be resumed.',
    headers: { 'Last-Event-ID': 'Resumes after this event.' },
    errors: ['request.too-many-streams'],
  },
  'GET /v1/approvals/:id': {
    ...{ area: 'Approvals', access: [APPROVE], answer: ApprovalDetail, errors: ['request.not-found'] },
    summary: 'Shows what is asked, exactly, with what the detectors found masked.',
  },
  'POST /v1/approvals/:id/grant': {
    ...{ area: 'Approvals', access: [APPROVE], body: GrantBody, answer: ApprovalDetail },
    summary: 'Agrees to exactly this call, once.',
    errors: [
      'approval.already-answered',
      'approval.changed',
      'approval.expired',
      'approval.mismatch',
      'approval.self-approval',
      'request.not-found',
    ],
  },
  'POST /v1/approvals/:id/reject': {
    ...{ area: 'Approvals', access: [APPROVE], body: RejectBody, answer: ApprovalDetail },
    summary: 'Says no, which ends the request.',
    errors: [
      'approval.already-answered',
      'approval.changed',
      'approval.expired',
      'approval.mismatch',
      'approval.self-approval',
      'request.not-found',
    ],
  },
  'GET /v1/approvals/:id/status': {
    ...{ area: 'Approvals', access: 'token', answer: ApprovalProgress, errors: ['request.not-found'] },
    summary: 'Tells the principal that asked how far its request is.',
  },
  'POST /v1/approvals/:id/unmask': {
    ...{ area: 'Approvals', access: [APPROVE], answer: UnmaskedParams, errors: ['request.not-found', 'sealing.open-failed'] },
    summary: 'Shows the true parameters. Who looked is on record before they are given out.',
  },

  'GET /v1/budgets': {
    ...{ area: 'Budgets', access: READ, query: BudgetQuery, answer: BudgetPage },
    summary: 'Limits in force, and what each account has spent, held and left, at which rate and until when.',
  },
  'PUT /v1/budgets': {
    ...{ area: 'Budgets', access: [OPERATE], body: PutBudgetLimit, answer: LimitInForce },
    summary: 'Sets or removes the limit of an account. When it answers, no reservation is decided by the limit before.',
  },
  'GET /v1/budgets/in-doubt': {
    ...{ area: 'Budgets', access: READ, answer: HoldsInDoubt },
    summary: 'Lists money that is held for calls in doubt.',
  },
  'GET /v1/budgets/spending': {
    ...{ area: 'Budgets', access: READ, query: SpendingQuery, answer: Spending },
    summary: 'What accounts spent over time, by the hour or the day.',
  },
  'GET /v1/budgets/me': {
    ...{ area: 'Budgets', access: 'token', answer: OwnBudgets },
    summary: 'Tells the principal of the token what is left of every budget it is charged to.',
  },

  'GET /v1/catalog': {
    ...{ area: 'Catalog', access: READ, query: CatalogQuery, answer: CatalogPage },
    summary: 'Lists tools with their owner, tier, lifecycle and what keeps them from being callable.',
  },
  'GET /v1/catalog/servers': {
    ...{ area: 'Catalog', access: READ, answer: CatalogServers },
    summary: 'Lists servers with their tools counted.',
  },
  'GET /v1/catalog/:server/:tool': {
    ...{ area: 'Catalog', access: READ, path: TOOL, answer: CatalogTool, errors: ['request.not-found'] },
    summary: 'Shows a tool with its pinned definition and the one that was seen last.',
  },
  'POST /v1/catalog/:server/:tool/pin': {
    ...{ area: 'Catalog', access: [OPERATE], path: TOOL, body: PinBody, answer: ToolRecord },
    summary: 'Accepts the definition that the server shows now. When it answers, calls are held to it.',
    errors: ['request.not-found', 'stream.conflict'],
  },

  'GET /v1/policies': {
    ...{ area: 'Policies', access: READ, answer: PoliciesInForce },
    summary: 'Shows the policy set that decides now: rules, files, hash.',
  },
  'PUT /v1/policies': {
    ...{ area: 'Policies', access: [OPERATE], body: PutPolicies, answer: PoliciesInForce, errors: ['policy.invalid'] },
    summary: 'Replaces the whole policy set.',
    description:
      'It is compiled and its tests are run first: one fault, and the set in force is kept. When it answers, no byte is sent by the old one.',
  },

  'GET /v1/policies/:version': {
    ...{ area: 'Policies', access: READ, path: { version: PolicyVersionName }, answer: PolicyVersion, errors: ['request.not-found'] },
    summary: 'Shows a policy set as it was, by the hash that decisions carry or by its number.',
  },
  'POST /v1/policies/test': {
    ...{ area: 'Policies', access: READ, answer: PolicyTestRun },
    summary: 'Runs the tests of the set in force against it. Changes nothing.',
  },
  'GET /v1/policies/versions': {
    ...{ area: 'Policies', access: READ, query: PolicyVersionQuery, answer: PolicyVersions },
    summary: 'Lists the sets that were in force, newest first: who changed them, when and why.',
  },

  'GET /v1/access': {
    ...{ area: 'Access', access: READ, query: AccessQuery, answer: AccessPage },
    summary: 'Tells who may call what: by person, agent and tool.',
    description:
      'Answered by the function that decides calls, with a token that carries everything person, agent and delegation allow together. What is not known before there is a call is never taken for a yes.',
  },
  'GET /v1/access/names': {
    ...{ area: 'Access', access: READ, answer: AccessNames },
    summary: 'Lists the people and agents that the configuration names.',
  },

  'POST /v1/chains/:chainId/resolve': {
    ...{ area: 'Controls', access: [OPERATE], body: ResolveChainBody, answer: ResolvedChain, errors: ['request.not-found'] },
    summary: 'Lets a poisoned chain go on.',
  },
  'GET /v1/controls': {
    ...{ area: 'Controls', access: READ, answer: ControlList },
    summary: 'Lists kill switches and revocations, the newest change first.',
  },
  'PUT /v1/controls': {
    ...{ area: 'Controls', access: [OPERATE], body: PutControl, answer: Control },
    summary: 'Sets or lifts a kill switch or a revocation. When it answers, no byte goes out for what it stops.',
  },

  'GET /v1/upstreams': {
    ...{ area: 'Settings', access: READ, answer: UpstreamsHealth },
    summary: 'Tells of the servers behind the gateway whether calls go through to them.',
    description: 'As the process that answers sees it: each has a breaker of its own for each server.',
  },
  ...STATUS_ROUTES,

  'GET /console/session': {
    ...{ area: 'Session', access: 'session', answer: ConsoleSession },
    summary: 'Tells who is logged in, and gives the browser a token for the API.',
    description:
      'A login begins at `/console/session/login?return=/console/`, where the browser itself goes. The token is a cookie for `/v1/*` and good for 60 s.',
  },
  'POST /console/session/renew': {
    ...{ area: 'Session', access: 'session', answer: ConsoleSession },
    summary: 'Does the same, and counts as use: for a page whose person did something since.',
  },
  'POST /console/session/logout': {
    ...{ area: 'Session', access: 'session', body: ConsoleLogoutBody, answer: ConsoleLogout },
    summary: 'Ends this session, or all of this person.',
  },
  'GET /console/sessions': {
    ...{ area: 'Session', access: 'session', query: ConsoleSessionsQuery, answer: OpenConsoleSessions, errors: ['identity.forbidden'] },
    summary: 'Lists the sessions of this person, or for operators of everybody in their tenant.',
  },
  'DELETE /console/sessions/:id': {
    ...{ area: 'Session', access: 'session', answer: EndedConsoleSession, errors: ['request.not-found'] },
    summary: 'Ends a session of this person, or for operators of anybody in their tenant.',
    description: 'The gateway refuses it at once; other services within the 60 s that its token is good for.',
  },

  'GET /healthz': { ...{ area: 'Open', access: 'open', answer: Liveness }, summary: 'Whether the process lives.' },
  'GET /readyz': {
    ...{ area: 'Open', access: 'open', answer: ReadinessReport },
    summary: 'Whether work may be sent here.',
    description: 'Answered with 503 and the same body where it may not.',
  },
  'GET /.well-known/jwks.json': {
    ...{ area: 'Open', access: 'open', answer: JsonWebKeys },
    summary: 'Public keys of the tokens that upstreams are shown.',
  },
  'GET /.well-known/oauth-protected-resource': {
    ...{ area: 'Open', access: 'open', answer: ResourceMetadata },
    summary: 'Where tokens for the REST API come from (RFC 9728).',
  },
  'GET /.well-known/oauth-protected-resource/mcp': {
    ...{ area: 'Open', access: 'open', answer: ResourceMetadata },
    summary: 'Where tokens for all servers at once come from (RFC 9728).',
  },
  'GET /.well-known/oauth-protected-resource/mcp/:server': {
    ...{ area: 'Open', access: 'open', path: { server: ServerName }, answer: ResourceMetadata, errors: ['request.not-found'] },
    summary: 'Where tokens for one server come from (RFC 9728).',
  },
};
