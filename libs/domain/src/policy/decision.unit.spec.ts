import type { Json, Principal, RequestFacts, ToolRecord } from '@sallyport/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IdentityDirectory } from '../identity/effective-scopes.js';
import { type Decision, type DecisionFacts, decideCall } from './decision.js';
import { DECIDED_METHODS } from './method-table.js';
import { type CompiledPolicySet, failClosed, type PolicyEvaluation, type PolicyQuestion } from './policy-engine.port.js';

const tool = (over: Partial<ToolRecord> = {}): ToolRecord => ({
  id: 'fs/read',
  tenantId: 'acme',
  server: 'fs',
  name: 'read',
  owner: 'o',
  dataDomain: 'd',
  riskTier: 'read',
  version: '1',
  lifecycle: 'active',
  lastReviewed: '2026-01-01',
  supportContact: 's',
  costMicros: 0,
  currency: 'USD',
  scopes: [],
  tags: [],
  pinnedDigest: `sha256:${'0'.repeat(64)}`,
  definition: null,
  driftedDigest: null,
  missing: [],
  epoch: 1,
  ...over,
});

const principal: Principal = {
  subject: 'user:ada',
  actors: ['agent:triage'],
  tenantId: 'acme',
  issuer: 'https://issuer.example',
  scopes: ['read'],
  mode: 'interactive',
  clientId: null,
  environment: 'production',
  tokenSource: 'demo',
  workflow: null,
  tokenId: 'jti-1',
};

const facts = (over: Partial<RequestFacts> = {}): RequestFacts => ({
  principal,
  transport: 'mcp',
  protocolVersion: null,
  method: 'tools/call',
  target: { kind: 'tool', server: 'fs', name: 'read' },
  tool: null,
  paramsMasked: null,
  paramsHash: 'h'.repeat(43),
  labels: [],
  redactions: [],
  claimed: { model: null, prompt: null, intent: null, workflow: null, session: null, client: null },
  purpose: 'execute',
  edgeId: 'edge-1',
  ...over,
});

const identity: IdentityDirectory = {
  users: [{ id: 'user:ada', scopes: ['read', 'write'] }],
  agents: [{ id: 'agent:triage', scopes: ['read', 'write'] }],
  delegations: [{ subject: '*', agent: 'agent:triage', scopes: ['read', 'write'] }],
};

const evaluation = (over: Partial<PolicyEvaluation>): PolicyEvaluation => ({
  effect: 'deny',
  policyIds: [],
  obligations: [],
  reasons: [],
  scopesRead: [],
  fault: null,
  ...over,
});
const ALLOW = evaluation({ effect: 'allow', policyIds: ['p'], obligations: [{ type: 'dry-run' }], reasons: ['because'] });
const DENY = evaluation({});

const answering = (evaluate: (question: PolicyQuestion) => PolicyEvaluation): CompiledPolicySet => ({
  hash: `sha256:${'a'.repeat(64)}`,
  engine: 'test',
  policyIds: ['p'],
  evaluate,
});

/** given(what the decision point knows).when(a request).decides(the decision) */
const given = (over: Partial<DecisionFacts> = {}, tools: readonly ToolRecord[] = [tool()]) => ({
  when: (request: Partial<RequestFacts> = {}, args: Json | undefined = undefined) => {
    const known: DecisionFacts = {
      policies: answering(() => ALLOW),
      identity,
      controls: { isActive: () => false },
      isPoisoned: () => false,
      tool: (id) => tools.find((one) => one.id === id),
      tools: (server) => tools.filter((one) => server === null || one.server === server),
      hasServer: (server) => server === 'fs',
      ...over,
    };
    const decision = decideCall({ facts: facts(request), arguments: args, chainId: 'chain-1' }, known);
    return { decides: (expected: Partial<Decision>) => expect(decision).toMatchObject(expected) };
  },
});

test('an allow carries the policies, obligations and reasons it rests on', () =>
  given()
    .when()
    .decides({ effect: 'allow', code: null, policyIds: ['p'], obligations: [{ type: 'dry-run' }], reasons: ['because'] }));

test('a tenant nobody declared is refused', () =>
  expect(decideCall({ facts: facts(), arguments: undefined, chainId: 'c' }, null)).toMatchObject({
    effect: 'deny',
    policyIds: ['tenant.unknown'],
  }));

test.each([
  ['all', '*'],
  ['subject', 'user:ada'],
  ['agent', 'agent:triage'],
  ['token', 'jti-1'],
  ['server', 'fs'],
  ['tool', 'fs/read'],
])('a stop of %s wins over everything that would allow', (kind, value) =>
  given({ controls: { isActive: (k, v) => k === kind && v === value } })
    .when()
    .decides({ effect: 'deny', code: 'control.killed', policyIds: [`control.${kind}`] }),
);

test('of several stops the record names the widest', () => {
  const kinds = ['all', 'subject', 'agent', 'token', 'server', 'tool'];
  kinds.forEach((kind, place) => {
    given({ controls: { isActive: (active) => kinds.indexOf(active) >= place } })
      .when()
      .decides({ policyIds: [`control.${kind}`] });
  });
});

test('a stop of an agent behind the one that acts counts too', () =>
  given({ controls: { isActive: (kind, value) => kind === 'agent' && value === 'agent:back' } })
    .when({ principal: { ...principal, actors: ['agent:triage', 'agent:back'] } })
    .decides({ code: 'control.killed' }));

test('a poisoned chain is refused before its method is looked at', () =>
  given({ isPoisoned: (chainId) => chainId === 'chain-1' })
    .when({ method: 'no/such' })
    .decides({ effect: 'deny', code: 'chain.poisoned' }));

test('a method that is not in the table is refused', () =>
  given().when({ method: 'tasks/get' }).decides({ effect: 'deny', code: 'request.unknown-method' }));

test('a tool that does not exist and one that may not be known of are answered alike', () => {
  const words: Partial<Decision> = { effect: 'deny', code: 'tool.unknown', reasons: ['There is no such tool for you.'] };
  given()
    .when({ target: { kind: 'tool', server: 'fs', name: 'none' } })
    .decides(words);
  given({ policies: answering(() => DENY) })
    .when()
    .decides(words);
  given({ policies: answering(() => DENY) }, [tool({ missing: ['owner'] })])
    .when()
    .decides(words);
});

test('a tool whose record is not complete is not callable, even if a policy would allow it', () =>
  given({}, [tool({ missing: ['owner'] })])
    .when()
    .decides({ effect: 'deny', code: 'catalog.not-callable' }));

test('a call that is denied names the policies that denied it', () =>
  given({ policies: answering(({ action }) => (action === 'list' ? ALLOW : evaluation({ policyIds: ['no'], reasons: ['never'] }))) })
    .when()
    .decides({ effect: 'deny', code: 'policy.denied', policyIds: ['no'], reasons: ['never'] }));

test('a call that only a person may let through says so', () =>
  given({
    policies: answering(() =>
      evaluation({ effect: 'require-approval', policyIds: ['ask'], obligations: [{ type: 'require-approval', ruleIds: ['r'] }] }),
    ),
  })
    .when()
    .decides({ effect: 'require-approval', code: null, obligations: [{ type: 'require-approval', ruleIds: ['r'] }] }));

describe('a token that lacks a scope', () => {
  const needsWrite = answering(({ action, principal: { scopes } }) =>
    action === 'list' || scopes.includes('write') ? { ...ALLOW, scopesRead: ['write'] } : DENY,
  );
  test('is told every scope to ask for, when user and agent have it', () =>
    given({ policies: needsWrite })
      .when()
      .decides({ effect: 'deny', code: 'scope.insufficient', requiredScopes: ['write'] }));
  test('is told nothing of the kind when the user does not have it', () =>
    given({ policies: needsWrite, identity: { ...identity, users: [{ id: 'user:ada', scopes: ['read'] }] } })
      .when()
      .decides({ code: 'policy.denied', requiredScopes: [] }));
  test('is held to the scopes of the tool itself', () => {
    given({}, [tool({ scopes: ['write'] })])
      .when()
      .decides({ code: 'scope.insufficient', requiredScopes: ['write'] });
    given({}, [tool({ scopes: ['admin'] })])
      .when()
      .decides({ code: 'policy.denied', policyIds: ['scope.ceiling'] });
  });
});

describe('a list', () => {
  const all = [
    tool(),
    tool({ id: 'fs/write', name: 'write' }),
    tool({ id: 'fs/held', missing: ['owner'] }),
    tool({ id: 'crm/read', server: 'crm' }),
  ];
  const list = { method: 'tools/list', target: { kind: 'gateway' as const, server: null, name: null } };
  test('shows what may be both known and called', () =>
    given(
      {
        policies: answering(({ action, resource }) =>
          action === 'call' && resource.kind === 'tool' && resource.tool.name === 'write' ? DENY : ALLOW,
        ),
      },
      all,
    )
      .when(list)
      .decides({ effect: 'allow', visible: ['fs/read', 'crm/read'] }));
  test('leaves out what is stopped', () =>
    given({ controls: { isActive: (kind, value) => kind === 'server' && value === 'crm' } }, all)
      .when(list)
      .decides({ visible: ['fs/read', 'fs/write'] }));
  test('of a server that is not there is refused', () =>
    given()
      .when({ ...list, target: { kind: 'server', server: 'none', name: null } })
      .decides({ effect: 'deny', policyIds: ['server.unknown'] }));
});

describe('whatever is asked', () => {
  const anything = fc.record({
    method: fc.oneof(fc.constantFrom(...DECIDED_METHODS), fc.string()),
    target: fc.record({
      kind: fc.constantFrom('tool' as const, 'prompt' as const, 'resource' as const, 'server' as const, 'gateway' as const),
      server: fc.option(fc.constantFrom('fs', 'other'), { nil: null }),
      name: fc.option(fc.constantFrom('read', 'other', ''), { nil: null }),
    }),
    purpose: fc.constantFrom('plan' as const, 'execute' as const),
    scopes: fc.array(fc.constantFrom('read', 'write', 'admin')),
  });
  const decide = (asked: { scopes: string[] } & Partial<RequestFacts>, policies: CompiledPolicySet): Decision => {
    const { scopes, ...request } = asked;
    const known: DecisionFacts = {
      ...{ policies, identity, controls: { isActive: () => false }, isPoisoned: () => false },
      ...{ tool: (id) => (id === 'fs/read' ? tool() : undefined), tools: () => [tool()], hasServer: (server) => server === 'fs' },
    };
    return decideCall({ facts: facts({ ...request, principal: { ...principal, scopes } }), arguments: {}, chainId: 'c' }, known);
  };

  test('nothing is allowed that no policy allows; at most an empty list is', () => {
    fc.assert(
      fc.property(anything, (asked) => {
        const decision = decide(
          asked,
          answering(() => DENY),
        );
        return decision.effect === 'deny' ? decision.code !== null : asked.method === 'tools/list' && decision.visible?.length === 0;
      }),
    );
  });

  test('an engine that fails denies', () => {
    const broken = failClosed(
      answering(() => {
        throw new Error('boom');
      }),
      () => {},
    );
    fc.assert(fc.property(anything, (asked) => decide(asked, broken).effect === 'deny' || decide(asked, broken).visible?.length === 0));
  });

  test('policies are never asked with a scope beyond the ceiling of user and agents', () => {
    fc.assert(
      fc.property(anything, (asked) => {
        let beyond = false;
        decide(
          asked,
          answering(({ principal: { scopes } }) => {
            if (scopes.some((scope) => scope === 'admin')) beyond = true;
            return DENY;
          }),
        );
        return !beyond;
      }),
    );
  });
});
