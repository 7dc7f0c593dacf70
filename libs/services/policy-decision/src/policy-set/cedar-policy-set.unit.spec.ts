import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type { ToolRecord } from '@sallyport/contracts';
import type { CompiledPolicySet, PolicyFault, PolicyQuestion } from '@sallyport/domain';
import { describe, expect, test } from 'vitest';
import { CedarEvaluator } from './cedar-evaluator.js';
import { compileCedar } from './cedar-policy-set.js';
import { cedarSchema } from './cedar-schema.js';
import { readPolicyFiles } from './policy-bundle.js';

const aTool = (over: Partial<ToolRecord> = {}): ToolRecord => ({
  id: 'fs/write_file',
  tenantId: 'acme',
  server: 'fs',
  name: 'write_file',
  owner: 'platform',
  dataDomain: 'files',
  riskTier: 'write-low',
  version: '1',
  lifecycle: 'active',
  lastReviewed: '2026-11-01',
  supportContact: 'platform@example.com',
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

const aQuestion = (over: Partial<PolicyQuestion> = {}, context: Partial<PolicyQuestion['context']> = {}): PolicyQuestion => ({
  principal: { subject: 'user:ada', actors: ['agent:writer'], scopes: ['tools:read'] },
  action: 'call',
  resource: { kind: 'tool', tool: aTool() },
  context: {
    mode: 'interactive',
    environment: 'production',
    transport: 'mcp',
    issuer: 'https://issuer.example',
    tokenSource: 'demo',
    clientId: null,
    workflow: null,
    labels: [],
    plan: false,
    arguments: undefined,
    ...context,
  },
  ...over,
});

const NOBODY = { users: [], agents: [], delegations: [] };

const compile = (cedarText: string, argumentsSchema?: string): CompiledPolicySet => {
  const outcome = outcomeOf(cedarText, argumentsSchema);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.set;
};

const outcomeOf = (cedarText: string, argumentsSchema?: string) => {
  const files = { 'a.cedar': cedarText, ...(argumentsSchema === undefined ? {} : { 'arguments.cedarschema': argumentsSchema }) };
  return compileCedar(readPolicyFiles(files).bundle, NOBODY);
};

const faultsOf = (cedarText: string, argumentsSchema?: string): readonly PolicyFault[] => {
  const outcome = outcomeOf(cedarText, argumentsSchema);
  return outcome.ok ? [] : outcome.faults;
};

const ARGUMENTS = 'type Arguments = { path?: String, amount?: Long, ids?: Set<String>, options?: { recursive?: Bool } };';
const PERMIT_CALLS = '@id("yes") permit(principal, action == Action::"call", resource);';

describe('what is refused when a set is loaded', () => {
  test('every fault of every policy is listed at once, with its file and id', () => {
    const faults = faultsOf(
      '@id("x") @typo("y") permit(principal, action, resource); @id("x") @obligation("sing") forbid(principal, action, resource);',
    );
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('@typo is not known'),
      expect.stringContaining('permits everything to everybody'),
      expect.stringContaining('@obligation("sing") is not known'),
      expect.stringContaining('the id is taken'),
    ]);
    expect(faults.every(({ file }) => file === 'a.cedar')).toBe(true);
  });

  test.each([
    ['a text that is no Cedar, with its line', '\n\npermit(principal action, resource);', 'line 3'],
    [
      'an attribute that does not exist',
      '@id("a") permit(principal, action == Action::"call", resource) when { resource.colour == "red" };',
      'colour',
    ],
    [
      'an optional attribute read without asking',
      '@id("a") permit(principal, action == Action::"call", resource is Tool) when { resource.tier == "read" };',
      'tier',
    ],
    [
      'an argument nobody declared',
      '@id("a") forbid(principal, action == Action::"call", resource) when { context.arguments has amount && context.arguments.amount > 3 };',
      'impossible',
    ],
    ['an id that passes for a built-in rule', '@id("control.all") forbid(principal, action == Action::"call", resource);', 'built-in'],
    ['a duty on a forbid', '@id("a") @obligation("dry-run") forbid(principal, action == Action::"call", resource);', 'belongs on a permit'],
    [
      'a mask of something nothing detects',
      '@id("a") @obligation("mask-result") @labels("pii.shoe-size") permit(principal, action == Action::"call", resource);',
      'pii.shoe-size',
    ],
    ['a template', '@id("a") permit(principal == ?principal, action, resource);', 'templates'],
  ])('%s', (_what, text, message) => {
    expect(
      faultsOf(text)
        .map((fault) => fault.message)
        .join('\n'),
    ).toContain(message);
  });

  test('an argument that must be there, since no tool is bound to have it', () => {
    expect(faultsOf(PERMIT_CALLS, 'type Arguments = { path: String };')[0]?.message).toContain('path?');
  });
});

describe('an evaluation', () => {
  test('allows nothing where no policy says so', () => {
    expect(compile(PERMIT_CALLS).evaluate(aQuestion({ action: 'list' }))).toMatchObject({ effect: 'deny', policyIds: [], fault: null });
  });

  test('names the policies and reasons behind the answer, and lets a forbid win', () => {
    const set = compile(`${PERMIT_CALLS} @id("no") @reason("never on fs") forbid(principal, action, resource in Server::"fs");`);
    expect(set.evaluate(aQuestion())).toMatchObject({ effect: 'deny', policyIds: ['no'], reasons: ['never on fs'] });
    expect(set.evaluate(aQuestion({ resource: { kind: 'tool', tool: aTool({ id: 'crm/x', server: 'crm' }) } }))).toMatchObject({
      effect: 'allow',
      policyIds: ['yes'],
    });
  });

  test('a duty alone grants nothing, and adds what is due to what something else grants', () => {
    const duty = '@id("mask") @obligation("mask-result") @labels("pii.email") permit(principal, action, resource);';
    expect(compile(duty).evaluate(aQuestion())).toMatchObject({ effect: 'deny', obligations: [] });
    expect(compile(PERMIT_CALLS + duty).evaluate(aQuestion())).toMatchObject({
      effect: 'allow',
      policyIds: ['yes', 'mask'],
      obligations: [{ type: 'mask-result', labels: ['pii.email'] }],
    });
  });

  test('a duty to ask a person makes the effect require-approval', () => {
    const ask = '@id("ask") @obligation("require-approval") @rules("two-people") permit(principal, action == Action::"call", resource);';
    expect(compile(PERMIT_CALLS + ask).evaluate(aQuestion())).toMatchObject({
      effect: 'require-approval',
      obligations: [{ type: 'require-approval', ruleIds: ['two-people'] }],
    });
  });

  test('several masks become one, patterns become labels', () => {
    const masks =
      '@id("m1") @obligation("mask-arguments") @labels("secret.*") permit(principal, action, resource); @id("m2") @obligation("mask-arguments") @labels("pii.email, secret.jwt") permit(principal, action, resource);';
    expect(compile(PERMIT_CALLS + masks).evaluate(aQuestion()).obligations).toEqual([
      { type: 'mask-arguments', labels: ['pii.email', 'secret.jwt', 'secret.private-key', 'secret.provider-key'] },
    ]);
  });

  test('the agent nearest to the call is the principal; without one the user is', () => {
    const set = compile(
      '@id("a") permit(principal == Agent::"triage", action, resource); @id("u") permit(principal == User::"ada", action, resource); @id("s") permit(principal is Service, action, resource);',
    );
    const ask = (subject: string, actors: string[]) => set.evaluate(aQuestion({ principal: { subject, actors, scopes: [] } })).policyIds;
    expect(ask('user:ada', ['agent:triage', 'agent:writer'])).toEqual(['a']);
    expect(ask('user:ada', [])).toEqual(['u']);
    expect(ask('user:ada', ['agent:writer'])).toEqual([]);
    expect(ask('service:ci', [])).toEqual(['s']);
  });

  test('scopes that the deciding policies ask for are known', () => {
    const set = compile(
      '@id("a") permit(principal, action == Action::"call", resource) when { principal.scopes.containsAll(["b", "a"]) };',
    );
    expect(set.evaluate(aQuestion({ principal: { subject: 'user:ada', actors: [], scopes: ['a', 'b'] } })).scopesRead).toEqual(['a', 'b']);
  });
});

test('a grant covers the tools and servers it names, for whom it names', () => {
  const grants = 'grants:\n  - { to: "agent:writer", tools: [fs/a], why: x }\n  - { to: "agent:writer", servers: [crm], why: x }\n';
  const files = {
    'a.cedar': '@id("g") permit(principal, action == Action::"call", resource) when { context.granted };',
    'grants.yaml': grants,
  };
  const outcome = compileCedar(readPolicyFiles(files).bundle, NOBODY);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  const ask = (actor: string, id: string) =>
    outcome.set.evaluate(
      aQuestion({
        principal: { subject: 'user:ada', actors: [actor, 'agent:writer'], scopes: [] },
        resource: { kind: 'tool', tool: aTool({ id, server: id.slice(0, id.indexOf('/')) }) },
      }),
    ).effect;
  expect(ask('agent:writer', 'fs/a')).toBe('allow');
  expect(ask('agent:writer', 'fs/b')).toBe('deny');
  expect(ask('agent:writer', 'crm/anything')).toBe('allow');
  expect(ask('agent:triage', 'fs/a')).toBe('deny');
});

describe('arguments', () => {
  const set = compile(
    `${PERMIT_CALLS}
     @id("path") forbid(principal, action, resource) when { context.arguments has path && context.arguments.path like "/etc/*" };
     @id("amount") forbid(principal, action, resource is Tool in Server::"pay") when { context.arguments has amount && context.arguments.amount > 100 };
     @id("ids") forbid(principal, action, resource) when { context.arguments has ids && context.arguments.ids.contains("root") };
     @id("deep") forbid(principal, action, resource) when { context.arguments has options.recursive && context.arguments.options.recursive };`,
    ARGUMENTS,
  );
  const ask = (args: PolicyQuestion['context']['arguments'], server = 'fs') =>
    set.evaluate(aQuestion({ resource: { kind: 'tool', tool: aTool({ id: `${server}/x`, server }) } }, { arguments: args }));

  test('a rule about an argument leaves calls without it alone', () => {
    expect(ask(undefined).effect).toBe('allow');
    expect(ask({ other: 1, path: null }).effect).toBe('allow');
  });

  test('texts, numbers, sets and records are compared as declared', () => {
    expect(ask({ path: '/etc/passwd' }).policyIds).toEqual(['path']);
    expect(ask({ amount: 101 }, 'pay').policyIds).toEqual(['amount']);
    expect(ask({ amount: 100 }, 'pay').effect).toBe('allow');
    expect(ask({ ids: ['a', 'root'] }).policyIds).toEqual(['ids']);
    expect(ask({ options: { recursive: true, more: 1 } }).policyIds).toEqual(['deep']);
  });

  test.each([
    ['a text for a number', { amount: '101' }],
    ['a fraction', { amount: 100.5 }],
    ['a number beyond exact integers', { amount: 2 ** 60 }],
    ['a text beyond the bound', { path: `/${'x'.repeat(9000)}` }],
    ['a set of other things', { ids: [{}] }],
    ['arguments that are no object', ['/etc/passwd']],
  ])('%s is a denial, not a way round the rule', (_what, args) => {
    expect(ask(args, 'pay')).toMatchObject({ effect: 'deny', fault: expect.stringContaining('argument') });
  });

  test('an argument that no policy about the tool reads is not looked at', () => {
    expect(ask({ amount: '101' }, 'fs').effect).toBe('allow');
  });
});

describe('any error denies', () => {
  test('a policy that fails at run time', () => {
    const set = compile(
      `${PERMIT_CALLS} @id("sum") forbid(principal, action == Action::"call", resource) when { context.arguments has amount && context.arguments.amount + 9007199254740991 * 1024 > 3 };`,
      ARGUMENTS,
    );
    expect(set.evaluate(aQuestion({}, { arguments: { amount: Number.MAX_SAFE_INTEGER } }))).toMatchObject({
      effect: 'deny',
      policyIds: ['sum'],
      fault: 'policies failed: sum',
    });
  });

  test('a forbid that reads an attribute that is not there, which Cedar itself would skip', () => {
    cedar.preparsePolicySet('test-skips', {
      staticPolicies: { yes: 'permit(principal, action, resource);', no: 'forbid(principal, action, resource) when { context.missing };' },
    });
    const answer = cedar.statefulIsAuthorized({
      principal: { type: 'User', id: 'a' },
      action: { type: 'Action', id: 'call' },
      resource: { type: 'Gateway', id: 'g' },
      context: {},
      entities: [],
      preparsedPolicySetId: 'test-skips',
    });
    expect(answer).toMatchObject({ type: 'success', response: { decision: 'allow', diagnostics: { errors: [{ policyId: 'no' }] } } });
    expect(faultsOf('@id("no") forbid(principal, action, resource) when { context.missing };').length).toBeGreaterThan(0);
  });
});

test('slices that share no slot are parsed again when their slot was written over, and answer the same', () => {
  const policies = Array.from(
    { length: 1200 },
    (_, index) => `@id("p${index}") permit(principal == Agent::"a${index}", action == Action::"call", resource);`,
  );
  const set = compile(policies.join('\n'));
  const ask = (index: number) =>
    set.evaluate(aQuestion({ principal: { subject: 'user:ada', actors: [`agent:a${index}`], scopes: [] } })).policyIds;
  const answers = Array.from({ length: 1200 }, (_, index) => ask(index));
  expect(answers).toEqual(Array.from({ length: 1200 }, (_, index) => [`p${index}`]));
  expect(ask(0)).toEqual(['p0']);
});

test.each<Partial<PolicyQuestion>>([
  { action: 'call' },
  { action: 'list', resource: { kind: 'server', server: 'fs' } },
  {
    action: 'list',
    resource: { kind: 'tool', tool: aTool({ riskTier: null, lifecycle: null, owner: null, dataDomain: null, version: null }) },
  },
  { action: 'session', resource: { kind: 'gateway' } },
  { action: 'read', resource: { kind: 'prompt', server: 'fs', name: 'greet' } },
  {
    action: 'subscribe',
    resource: { kind: 'resource', server: 'fs', uri: 'file:///a' },
    principal: { subject: 'service:ci', actors: [], scopes: ['a'] },
  },
])('what is asked of Cedar conforms to the schema that policies are checked against: %o', (over) => {
  const set = compile(PERMIT_CALLS, ARGUMENTS);
  if (!(set instanceof CedarEvaluator)) throw new TypeError('another engine');
  const question = aQuestion(over, { clientId: 'c', workflow: 'w', labels: ['pii.email'], arguments: { path: 'a', amount: 1 } });
  const answer = cedar.isAuthorized({
    ...set.authorizationOf(question, { path: 'a', amount: 1, ids: ['x'], options: { recursive: true } }),
    policies: { staticPolicies: {} },
    schema: cedarSchema(ARGUMENTS),
    validateRequest: true,
  });
  expect(answer).toMatchObject({ type: 'success', response: { diagnostics: { errors: [] } } });
});

describe('what is shown to Cedar', () => {
  const readOf = (condition: string) => {
    const outcome = outcomeOf(`@id("a") permit(principal, action == Action::"call", resource is Tool) when { ${condition} };`, ARGUMENTS);
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    const { scopes: _scopes, ...reads } = outcome.policies[0]?.reads ?? { scopes: [] };
    return reads;
  };

  test('is what the policies read and nothing else', () => {
    expect(readOf('principal.scopes.contains("a") && resource has tier && resource.tier == "read" && context.mode == "x"')).toEqual({
      principal: new Set(['scopes']),
      resource: new Set(['tier']),
      context: new Set(['mode']),
      arguments: new Set(),
    });
    expect(readOf('context.arguments has options.recursive && context.labels.contains("pii.email")')).toMatchObject({
      context: new Set(['arguments', 'labels']),
      arguments: new Set(['options']),
    });
    expect(readOf('principal is Agent && context.subject == principal.subject && resource.server == Server::"fs"')).toMatchObject({
      principal: new Set(['subject']),
      resource: new Set(['server']),
      context: new Set(['subject']),
    });
  });

  test('is everything where what is read is computed', () => {
    const all = { principal: 'all', resource: 'all', context: 'all', arguments: 'all' };
    expect(readOf('(if context.plan then context else context).mode == "x"')).toEqual(all);
  });

  test('makes no difference to the answer: equal questions are answered once, others anew', () => {
    const set = compile(
      `${PERMIT_CALLS} @id("no") forbid(principal, action, resource) when { context.arguments has path && context.arguments.path == "x" };`,
      ARGUMENTS,
    );
    const ask = (path: string, mode = 'm') => set.evaluate(aQuestion({}, { mode, arguments: { path } })).effect;
    expect([ask('y'), ask('x'), ask('y', 'other'), ask('x', 'other'), ask('y')]).toEqual(['allow', 'deny', 'allow', 'deny', 'allow']);
  });
});
