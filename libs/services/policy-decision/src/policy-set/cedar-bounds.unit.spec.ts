import type { ToolRecord } from '@sallyport/contracts';
import type { PolicyEvaluation, PolicyQuestion } from '@sallyport/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileCedar } from './cedar-policy-set.js';

const SCHEMA = 'type Arguments = { path?: String, amount?: Long };\n';
const tool = (context: string, condition: string, effect = 'permit'): string =>
  `${context}${effect} (principal, action == Action::"call", resource is Tool) when { ${condition} };`;
const ASKS = '@obligation("require-approval") @rules("high-risk") ';
const POOL: Readonly<Record<string, string>> = {
  'reads-known': tool('', 'resource has tier && resource.tier == "read"'),
  'forbids-known': tool('', 'resource.tags.contains("delete")', 'forbid'),
  'asks-known': tool(ASKS, 'resource has tier && resource.tier == "write-high"'),
  'permits-path': tool('', 'context.arguments has path && context.arguments.path like "/pub/*"'),
  'permits-write-path': tool('', 'resource has tier && resource.tier == "write-low" && context.arguments has path'),
  'forbids-path': tool('', 'context.arguments has path && context.arguments.path like "*.env"', 'forbid'),
  'forbids-amount-of-reads': tool(
    '',
    'resource has tier && resource.tier == "read" && context.arguments has amount && context.arguments.amount > 5',
    'forbid',
  ),
  'asks-amount': tool(ASKS, 'context.arguments has amount && context.arguments.amount > 5'),
  'permits-label': tool('', 'context.labels.contains("pii.email")'),
  'forbids-mode': tool('', 'context.mode == "autonomous"', 'forbid'),
  'permits-client': tool('', 'context has clientId && context.clientId == "console"'),
  'forbids-without-workflow': tool('', '!(context has workflow)', 'forbid'),
  'permits-subject': tool('', 'context.subject == "user:ada" && context.environment == "test"'),
};

const setOf = (names: readonly string[]) => {
  const cedar = new Map(names.map((name) => [`${name}.cedar`, `@id("${name}") ${POOL[name]}`]));
  const outcome = compileCedar(
    { cedar, argumentsSchema: SCHEMA, grants: [], tests: new Map() },
    { users: [], agents: [], delegations: [] },
  );
  if (!outcome.ok) throw new Error(outcome.faults.map(({ message }) => message).join('\n'));
  return outcome;
};

const record = (riskTier: ToolRecord['riskTier'], tags: string[]): ToolRecord => ({
  ...{ id: 'fs/x', tenantId: 'acme', server: 'fs', name: 'x', owner: null, dataDomain: null, riskTier, version: null, lifecycle: 'active' },
  ...{ lastReviewed: null, supportContact: null, costMicros: null, currency: null, scopes: [], tags, pinnedDigest: null, definition: null },
  ...{ driftedDigest: null, missing: [], epoch: 1 },
});

const question = (context: Partial<PolicyQuestion['context']> = {}, of = record('read', [])): PolicyQuestion => ({
  principal: { subject: 'user:ada', actors: ['agent:triage'], scopes: [] },
  action: 'call',
  resource: { kind: 'tool', tool: of },
  context: {
    ...{ mode: 'interactive', environment: 'default', transport: 'mcp', issuer: 'i', tokenSource: 't', clientId: null, workflow: null },
    ...{ labels: [], plan: false, arguments: undefined },
    ...context,
  },
});

const RANK: Readonly<Record<PolicyEvaluation['effect'], number>> = { deny: 0, 'require-approval': 1, allow: 2 };

describe('a set asked before everything is known', () => {
  test('never says yes where some call would be refused, nor no where some call would be let through', () => {
    const context = fc.record({
      arguments: fc.option(
        fc.record({ path: fc.constantFrom('/pub/a', '/x/.env', '/y'), amount: fc.integer({ min: 0, max: 10 }) }, { requiredKeys: [] }),
        { nil: undefined },
      ),
      labels: fc.subarray(['pii.email', 'secret.jwt']),
      mode: fc.constantFrom('interactive', 'autonomous'),
      environment: fc.constantFrom('default', 'test'),
      clientId: fc.constantFrom(null, 'console'),
      workflow: fc.constantFrom(null, 'w'),
    });
    fc.assert(
      fc.property(
        fc.subarray(Object.keys(POOL), { minLength: 1 }),
        fc.constantFrom<ToolRecord['riskTier']>('read', 'write-low', 'write-high', null),
        fc.subarray(['delete']),
        fc.array(context, { minLength: 1, maxLength: 8 }),
        (names, tier, tags, contexts) => {
          const { set, bounds } = setOf(names);
          const of = record(tier, tags);
          const least = RANK[bounds.least.evaluate(question({}, of)).effect];
          const most = RANK[bounds.most.evaluate(question({}, of)).effect];
          for (const some of contexts) {
            const real = RANK[set.evaluate(question(some, of)).effect];
            expect(real).toBeGreaterThanOrEqual(least);
            expect(real).toBeLessThanOrEqual(most);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  const boundsOf = (...names: string[]) => {
    const { bounds } = setOf(names);
    return (of = record('read', [])) => [bounds.least, bounds.most].map((set) => set.evaluate(question({}, of)).effect);
  };

  test('is sure of what reads nothing unknown', () => {
    expect(boundsOf('reads-known', 'permits-write-path')()).toEqual(['allow', 'allow']);
    expect(boundsOf('reads-known', 'forbids-known')(record('read', ['delete']))).toEqual(['deny', 'deny']);
  });

  test('is sure of a rule on arguments that cannot match this tool', () =>
    expect(boundsOf('permits-write-path')(record('write-high', []))).toEqual(['deny', 'deny']));

  test('is not sure where a rule on arguments may match, and says on what it depends', () => {
    expect(boundsOf('reads-known', 'forbids-path')()).toEqual(['deny', 'allow']);
    expect(boundsOf('reads-known', 'asks-amount')()).toEqual(['require-approval', 'allow']);
    expect(setOf(['permits-path', 'permits-label']).bounds.dependsOn(['permits-path', 'permits-label'])).toEqual(['arguments', 'labels']);
  });

  test('takes what may be absent for something that may be absent', () => {
    expect(boundsOf('reads-known', 'forbids-without-workflow')()).toEqual(['deny', 'allow']);
    expect(boundsOf('permits-client')()).toEqual(['deny', 'allow']);
  });
});
