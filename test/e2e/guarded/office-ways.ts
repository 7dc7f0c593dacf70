import { CLUSTER_SERVICES } from '@sallyport/testing';
import { type Asker, OFFICE, type Request } from './asking.ts';

/** What the tenant has that its people may see and change, and nobody else. */
export interface Possessions {
  /** A call that was executed. */
  readonly callId: string;
  readonly callInDoubt: string;
  readonly poisonedChain: string;
  /** Questions that wait for people, one for each thing that may be done to one. */
  readonly approvals: readonly [string, string, string, string];
  /** Policy files in force, with a mark of this tenant in them. */
  readonly policyFiles: Readonly<Record<string, string>>;
}

/** One way for people, beside the calls of agents. */
export interface OfficeWay {
  /** As the program tells it. */
  readonly route: string;
  /** Any one of these scopes lets in; none: whoever has a token asks about itself alone. */
  readonly scopes: readonly string[];
  readonly asks: Asker;
  request(own: Possessions): Request;
  /** The event that says who changed what; `null` where nothing is changed. */
  readonly changes: string | null;
  /** Whether the request names a thing of the tenant, so that another tenant must be told that there is no such thing. */
  readonly isAboutOne: boolean;
}

const [APPROVE = '', AUDIT = '', OPERATE = ''] = OFFICE;
const WHY = 'the guarded paths are tried';

type Rest = Partial<Pick<OfficeWay, 'changes' | 'isAboutOne' | 'asks'>> & { readonly body?: unknown };

const way = (
  route: string,
  scopes: readonly string[],
  path: (own: Possessions) => string,
  rest: Rest & { bodyOf?: (own: Possessions) => unknown } = {},
): OfficeWay => {
  const { changes = null, isAboutOne = false, asks = 'office', body, bodyOf } = rest;
  return {
    ...{ route, scopes, asks, changes, isAboutOne },
    request: (own) => {
      const sent = bodyOf === undefined ? body : bodyOf(own);
      return {
        verb: route.split(' ')[0] ?? '',
        path: path(own),
        ...(sent === undefined ? {} : { body: sent }),
        ...(route.endsWith('/tail') ? { isStream: true, headers: { accept: 'text/event-stream' } } : {}),
      };
    },
  };
};

/** Every way for people, with what must guard it. What changes something comes last of its kind, so that it is there to be looked at. */
export const OFFICE_WAYS: readonly OfficeWay[] = [
  way('GET /v1/policies', [OPERATE, AUDIT], () => '/v1/policies'),
  way('GET /v1/policies/:version', [OPERATE, AUDIT], () => '/v1/policies/1'),
  way('GET /v1/policies/versions', [OPERATE, AUDIT], () => '/v1/policies/versions'),
  way('POST /v1/policies/test', [OPERATE, AUDIT], () => '/v1/policies/test'),
  way('GET /v1/access', [OPERATE, AUDIT], () => '/v1/access?limit=5'),
  way('GET /v1/access/names', [OPERATE, AUDIT], () => '/v1/access/names'),
  way('GET /v1/controls', [OPERATE, AUDIT], () => '/v1/controls'),
  way('PUT /v1/controls', [OPERATE], () => '/v1/controls', {
    changes: 'ControlChanged',
    body: { control: 'token', value: 'a-token-that-was-lost', active: true, why: WHY },
  }),
  way('POST /v1/chains/:chainId/resolve', [OPERATE], ({ poisonedChain }) => `/v1/chains/${encodeURIComponent(poisonedChain)}/resolve`, {
    ...{ changes: 'ChainCleared', isAboutOne: true },
    body: { why: WHY },
  }),
  way('GET /v1/catalog', [OPERATE, AUDIT], () => '/v1/catalog'),
  way('GET /v1/catalog/servers', [OPERATE, AUDIT], () => '/v1/catalog/servers'),
  way('GET /v1/catalog/:server/:tool', [OPERATE, AUDIT], () => '/v1/catalog/story/echo'),
  way('POST /v1/catalog/:server/:tool/pin', [OPERATE], () => '/v1/catalog/sessions/slow/pin', {
    ...{ changes: 'DefinitionPinned', isAboutOne: true },
    body: { why: WHY },
  }),
  way('GET /v1/audit/calls', [AUDIT], () => '/v1/audit/calls?limit=200'),
  way('GET /v1/audit/calls/:callId', [AUDIT], ({ callId }) => `/v1/audit/calls/${callId}`, { isAboutOne: true }),
  way('GET /v1/audit/calls/:callId/proof', [AUDIT], ({ callId }) => `/v1/audit/calls/${callId}/proof`, { isAboutOne: true }),
  way('GET /v1/audit/chains/:chainId', [AUDIT], ({ poisonedChain }) => `/v1/audit/chains/${encodeURIComponent(poisonedChain)}`, {
    isAboutOne: true,
  }),
  way('GET /v1/audit/overview', [AUDIT], () => '/v1/audit/overview'),
  way('POST /v1/audit/rebuild', [OPERATE], () => '/v1/audit/rebuild'),
  way('GET /v1/audit/rejections', [AUDIT], () => '/v1/audit/rejections?limit=200'),
  way('GET /v1/audit/logins', [AUDIT], () => '/v1/audit/logins?limit=200'),
  way('GET /v1/audit/tail', [AUDIT], () => '/v1/audit/tail'),
  way('GET /v1/audit/verify', [AUDIT], () => '/v1/audit/verify'),
  way('GET /v1/audit/checkpoints', [AUDIT], () => '/v1/audit/checkpoints'),
  way('GET /v1/budgets', [OPERATE, AUDIT], () => '/v1/budgets'),
  way('GET /v1/budgets/in-doubt', [OPERATE, AUDIT], () => '/v1/budgets/in-doubt'),
  way('GET /v1/budgets/spending', [OPERATE, AUDIT], () => '/v1/budgets/spending?account=user:mia&account=user:ada&step=day'),
  way('PUT /v1/budgets', [OPERATE], () => '/v1/budgets', {
    changes: 'BudgetLimitChanged',
    body: { account: 'user:mia', limit: { day: { maxCalls: 5 } }, why: WHY },
  }),
  way('GET /v1/budgets/me', [], () => '/v1/budgets/me', { asks: 'agent' }),
  way('GET /v1/plan', [], () => '/v1/plan', { asks: 'agent' }),
  way('POST /v1/plan', [], () => '/v1/plan', {
    ...{ asks: 'agent', changes: 'ToolCallPlanned' },
    body: { tool: 'story/echo', arguments: { text: 'x' } },
  }),
  way('GET /v1/calls/in-doubt', [OPERATE], () => '/v1/calls/in-doubt'),
  way('POST /v1/calls/:callId/resolution', [OPERATE], ({ callInDoubt }) => `/v1/calls/${callInDoubt}/resolution`, {
    ...{ changes: 'ToolCallResolved', isAboutOne: true },
    body: { resolution: 'executed', note: WHY },
  }),
  way('GET /v1/upstreams', [OPERATE, AUDIT], () => '/v1/upstreams'),
  ...CLUSTER_SERVICES.map((service) => way(`GET /v1/${service}/status`, [OPERATE], () => `/v1/${service}/status`)),
  way('GET /v1/approvals', [APPROVE], () => '/v1/approvals'),
  way('GET /v1/approvals/tail', [APPROVE], () => '/v1/approvals/tail'),
  way('GET /v1/approvals/:id', [APPROVE], ({ approvals }) => `/v1/approvals/${approvals[0]}`, { isAboutOne: true }),
  way('GET /v1/approvals/:id/status', [], ({ approvals }) => `/v1/approvals/${approvals[0]}/status`, { asks: 'agent', isAboutOne: true }),
  way('POST /v1/approvals/:id/unmask', [APPROVE], ({ approvals }) => `/v1/approvals/${approvals[1]}/unmask`, {
    ...{ changes: 'ApprovalParamsUnmasked', isAboutOne: true },
  }),
  way('POST /v1/approvals/:id/grant', [APPROVE], ({ approvals }) => `/v1/approvals/${approvals[2]}/grant`, {
    ...{ changes: 'ApprovalGranted', isAboutOne: true, body: {} },
  }),
  way('POST /v1/approvals/:id/reject', [APPROVE], ({ approvals }) => `/v1/approvals/${approvals[3]}/reject`, {
    ...{ changes: 'ApprovalRejected', isAboutOne: true, body: { why: WHY } },
  }),
  // The other tenant puts the same policies into force for itself, and would find them where it looks after that.
  way('PUT /v1/policies', [OPERATE], () => '/v1/policies', {
    changes: 'PolicyChanged',
    bodyOf: ({ policyFiles }) => ({ files: { ...policyFiles, 'more.cedar': '// Nothing more.\n' }, why: WHY }),
  }),
];

/** Open to everybody on purpose: what says whether we live, where tokens come from, and public keys. Paths as they are asked for. */
export const OPEN_WAYS: Readonly<Record<string, string>> = {
  'GET /healthz': '/healthz',
  'GET /readyz': '/readyz',
  'GET /.well-known/jwks.json': '/.well-known/jwks.json',
  'GET /.well-known/oauth-protected-resource': '/.well-known/oauth-protected-resource',
  'GET /.well-known/oauth-protected-resource/mcp': '/.well-known/oauth-protected-resource/mcp',
  'GET /.well-known/oauth-protected-resource/mcp/:server': '/.well-known/oauth-protected-resource/mcp/story',
  'GET /v1/audit/keys': '/v1/audit/keys',
};

/** The pages of the console and their files: open, as what they show is asked for with a session. */
export const PAGE_WAYS: Readonly<Record<string, string>> = {
  'GET /console': '/console',
  'GET /console/*': '/console/calls/some-call',
  'GET /console/assets/:file': '/console/assets/',
};

/** Where a browser goes to log in and comes back: open, as nobody is logged in yet; it is sent on, and what it brings back is checked. */
export const LOGIN_WAYS: Readonly<Record<string, string>> = {
  'GET /console/session/login': '/console/session/login',
  'GET /console/session/callback': '/console/session/callback?code=invented&state=invented',
};

/** For who is logged in to the console, by the cookie of the session: no token opens them. `console-session.e2e.spec.ts` tries them with one. */
export const SESSION_WAYS: Readonly<Record<string, Request>> = {
  'GET /console/session': { verb: 'GET', path: '/console/session' },
  'POST /console/session/renew': { verb: 'POST', path: '/console/session/renew' },
  'POST /console/session/logout': { verb: 'POST', path: '/console/session/logout', body: {} },
  'GET /console/sessions': { verb: 'GET', path: '/console/sessions?of=tenant' },
  'DELETE /console/sessions/:id': { verb: 'DELETE', path: '/console/sessions/some-session' },
};

/** What the OpenAPI document leaves out: MCP has a protocol of its own, the console is for browsers, and the rest is no address. */
export const UNTOLD_WAYS: readonly string[] = ['ALL /*', 'ALL /mcp', 'ALL /mcp/:server', ...Object.keys({ ...PAGE_WAYS, ...LOGIN_WAYS })];

/** Where every address ends that is none. */
export const NOWHERE = 'ALL /*';
