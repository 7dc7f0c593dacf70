import type { Obligation, Principal, RequestFacts, ToolRecord } from '@sallyport/contracts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approvalMeets, type GrantInContext, type SeenGrant } from './approval-grant.js';
import { type Decision, type DecisionFacts, decideCall } from './decision.js';
import type { PolicyEvaluation } from './policy-engine.port.js';

const DIGEST = `sha256:${'1'.repeat(64)}`;
const OTHER_DIGEST = `sha256:${'2'.repeat(64)}`;
const NOW_MS = 1_000;

const tool: ToolRecord = {
  ...{ id: 'crm/erase', tenantId: 'acme', server: 'crm', name: 'erase', owner: 'o', dataDomain: 'd', riskTier: 'write-high', version: '1' },
  ...{ lifecycle: 'active', lastReviewed: '2026-01-01', supportContact: 's', costMicros: 0, currency: 'USD', scopes: [], tags: [] },
  ...{ pinnedDigest: DIGEST, definition: null, driftedDigest: null, missing: [], epoch: 1 },
};

const principal: Principal = {
  ...{ subject: 'user:ada', actors: ['agent:writer'], tenantId: 'acme', issuer: 'https://issuer.example', scopes: ['write'] },
  ...{ mode: 'interactive', clientId: null, environment: 'production', tokenSource: 'demo', workflow: null, tokenId: 'jti-1' },
};

const call: RequestFacts = {
  ...{ principal, transport: 'mcp', protocolVersion: null, method: 'tools/call', target: { kind: 'tool', server: 'crm', name: 'erase' } },
  tool: { id: 'crm/erase', definitionDigest: DIGEST, version: '1', riskTier: 'write-high' },
  ...{ paramsMasked: null, paramsHash: 'h'.repeat(43), labels: [], redactions: [], purpose: 'execute', edgeId: 'edge-1' },
  claimed: { model: null, prompt: null, intent: null, workflow: null, session: null, client: null },
};

const grant: SeenGrant = {
  ...{ tenantId: 'acme', approvalId: 'approval-1', callId: 'call-1', paramsHash: 'h'.repeat(43), toolDigest: DIGEST },
  ...{ ruleIds: ['high-risk', 'finance'], expiresAtMs: NOW_MS + 1 },
};

const asking = (...ruleIds: string[]): PolicyEvaluation => ({
  ...{ effect: 'require-approval', policyIds: ['p'], reasons: [], scopesRead: [], fault: null },
  obligations: [
    { type: 'mask-arguments', labels: ['secret.password'] },
    { type: 'require-approval', ruleIds },
  ],
});

interface Known {
  readonly policies: PolicyEvaluation;
  readonly record: ToolRecord;
  readonly stopped: boolean;
  readonly poisoned: boolean;
}

/** given(what is known now).when(the grant the call was resumed with, the call).decides(the decision) */
const given = ({ policies = asking('high-risk'), record = tool, stopped = false, poisoned = false }: Partial<Known> = {}) => ({
  when: (seen: Partial<SeenGrant> | null = {}, request: Partial<RequestFacts> = {}, nowMs = NOW_MS) => {
    const facts: DecisionFacts = {
      policies: { hash: DIGEST, engine: 'test', policyIds: ['p'], evaluate: () => policies },
      identity: {
        users: [{ id: 'user:ada', scopes: ['write'] }],
        agents: [{ id: 'agent:writer', scopes: ['write'] }],
        delegations: [{ subject: '*', agent: 'agent:writer', scopes: ['write'] }],
      },
      ...{ controls: { isActive: () => stopped }, isPoisoned: () => poisoned },
      ...{ tool: () => record, tools: () => [record], hasServer: () => true },
    };
    const approval: GrantInContext | undefined = seen === null ? undefined : { grant: { ...grant, ...seen }, callId: 'call-1', nowMs };
    const decision = decideCall({ facts: { ...call, ...request }, arguments: {}, chainId: 'chain-1', approval }, facts);
    return { decides: (expected: Partial<Decision>) => expect(decision).toMatchObject(expected), decision };
  },
});

const ASKS: Partial<Decision> = { effect: 'require-approval', obligations: asking('high-risk').obligations };

describe('a call that was agreed to', () => {
  test('is allowed, with every other duty, and says which grant it rests on', () =>
    given()
      .when()
      .decides({ effect: 'allow', approvalId: 'approval-1', obligations: [{ type: 'mask-arguments', labels: ['secret.password'] }] }));

  test('asks again without a grant in hand', () => {
    const { decides, decision } = given().when(null);
    decides(ASKS);
    expect(decision.approvalId).toBeUndefined();
  });

  test.each<[string, Partial<SeenGrant>]>([
    ['to another call', { callId: 'call-2' }],
    ['to another tenant', { tenantId: 'globex' }],
    ['to other parameters', { paramsHash: 'x'.repeat(43) }],
    ['to another definition of the tool', { toolDigest: OTHER_DIGEST }],
    ['under another rule', { ruleIds: ['finance'] }],
    ['under no rule', { ruleIds: [] }],
    ['until now', { expiresAtMs: NOW_MS }],
  ])('asks again when people agreed %s', (_what, seen) => given().when(seen).decides(ASKS));

  test('asks again when a rule more is demanded than was satisfied', () =>
    given({ policies: asking('high-risk', 'legal') })
      .when()
      .decides({ effect: 'require-approval' }));

  test('asks again for everybody where the policy names no rule and named ones agreed', () => {
    given({ policies: asking() }).when().decides({ effect: 'require-approval' });
    given({ policies: asking() })
      .when({ ruleIds: ['*'] })
      .decides({ effect: 'allow', approvalId: 'approval-1' });
  });

  test('asks again when it does not say which definition it was prepared for', () => given().when({}, { tool: null }).decides(ASKS));

  test('is not allowed when the tool was pinned anew since', () =>
    given({ record: { ...tool, pinnedDigest: OTHER_DIGEST } })
      .when()
      .decides({ effect: 'deny', code: 'catalog.not-callable', policyIds: ['catalog.pin-changed'] }));

  test('is refused by whatever refuses it now', () => {
    given({ stopped: true }).when().decides({ effect: 'deny', code: 'control.killed' });
    given({ poisoned: true }).when().decides({ effect: 'deny', code: 'chain.poisoned' });
    given({ record: { ...tool, missing: ['owner'] } })
      .when()
      .decides({ effect: 'deny', code: 'catalog.not-callable' });
    given({ policies: { ...asking(), effect: 'deny', policyIds: ['p'], obligations: [] } })
      .when()
      .decides({ effect: 'deny' });
  });

  test('is allowed without using the grant when nobody is asked for any more', () => {
    const { decides, decision } = given({ policies: { ...asking(), effect: 'allow', obligations: [] } }).when();
    decides({ effect: 'allow' });
    expect(decision.approvalId).toBeUndefined();
  });
});

describe('a call that nobody was asked about', () => {
  test('is not allowed for another definition than the pinned one, nor under the name of another tool', () => {
    const allow = { policies: { ...asking(), effect: 'allow' as const, obligations: [] } };
    given(allow).when(null).decides({ effect: 'allow' });
    for (const over of [{ definitionDigest: OTHER_DIGEST }, { id: 'crm/other' }])
      given(allow)
        .when(null, { tool: { id: 'crm/erase', definitionDigest: DIGEST, version: '1', riskTier: 'read', ...over } })
        .decides({ effect: 'deny', code: 'catalog.not-callable', policyIds: ['catalog.pin-changed'] });
  });

  test('is decided as a plan like the execution', () => {
    for (const policies of [asking('high-risk'), { ...asking(), effect: 'allow' as const, obligations: [] as Obligation[] }])
      expect(given({ policies }).when(null, { purpose: 'plan' }).decision).toEqual(given({ policies }).when(null).decision);
  });
});

describe('whatever grant and call meet', () => {
  const some = fc.constantFrom('a', 'b');
  const rules = fc.uniqueArray(fc.constantFrom('high-risk', 'finance', 'legal', '*'));
  const seen = fc.record({
    ...{ tenantId: some, approvalId: some, callId: some, paramsHash: some, toolDigest: some, ruleIds: rules, expiresAtMs: fc.nat(3) },
  });
  const asked = fc.record({
    ...{ tenantId: some, callId: some, paramsHash: some, toolDigest: fc.option(some), demanded: rules, nowMs: fc.nat(3) },
  });

  test('a grant is good for its own tenant, call, parameters, definition and rules until its end, and for nothing else', () =>
    fc.assert(
      fc.property(seen, asked, (held, { tenantId, callId, paramsHash, toolDigest, demanded, nowMs }) => {
        const facts = {
          principal: { ...principal, tenantId },
          paramsHash,
          tool: toolDigest === null ? null : { id: 'crm/erase', definitionDigest: toolDigest, version: '1', riskTier: 'read' as const },
        };
        const isSame =
          JSON.stringify([held.tenantId, held.callId, held.paramsHash, held.toolDigest]) ===
          JSON.stringify([tenantId, callId, paramsHash, toolDigest]);
        const isCovered = demanded.every((rule) => held.ruleIds.some((satisfied) => satisfied === rule));
        expect(approvalMeets({ grant: held, callId, nowMs }, facts, demanded)).toBe(isSame && isCovered && nowMs < held.expiresAtMs);
      }),
    ));
});
