import { AppError, type Json, JsonValue, type PolicyTestResult, RiskTier, type ToolRecord } from '@sallyport/contracts';
import {
  type CompiledPolicySet,
  type Decision,
  type DecisionFacts,
  decideCall,
  demandedRules,
  type IdentityDirectory,
  methodRuleOf,
  type PolicyFault,
} from '@sallyport/domain';
import { z } from 'zod';
import { Identity } from './identity.schema.js';
import { readYaml } from './policy-bundle.js';

const TestTool = z.strictObject({
  id: z
    .string()
    .regex(/^[^/]+\/.+$/, 'must be server/tool')
    .describe('server/tool'),
  tier: RiskTier.optional(),
  tags: z.array(z.string()).default([]),
  scopes: z.array(z.string()).default([]).describe('Scopes the tool itself asks for.'),
  missing: z.array(z.string()).default([]).describe('What its record lacks; empty means callable.'),
});

const TestCall = z.strictObject({
  subject: z.string().regex(/^(user|service):.+$/),
  actors: z
    .array(z.string().regex(/^agent:.+$/))
    .default([])
    .describe('The agent nearest to the call first.'),
  scopes: z.array(z.string()).optional().describe('What the token carries; all scopes of the directory when left out.'),
  method: z.string().default('tools/call'),
  tool: z.string().optional(),
  server: z.string().optional(),
  prompt: z.string().optional(),
  resource: z.string().optional(),
  args: JsonValue.optional(),
  labels: z.array(z.string()).default([]),
  mode: z.string().default('interactive'),
  environment: z.string().default('production'),
  workflow: z.string().nullable().default(null),
  plan: z.boolean().default(false),
});
type TestCall = z.infer<typeof TestCall>;

const Expectation = z.strictObject({
  effect: z.enum(['allow', 'deny', 'require-approval']),
  code: z.string().optional(),
  rules: z.array(z.string()).optional().describe('Each must be among the policies and built-in rules that decided.'),
  obligations: z.array(z.string()).optional().describe('Types of the obligations, all of them.'),
  approvalRules: z.array(z.string()).optional().describe('The approval rules whose people are asked, all of them; empty: nobody is asked.'),
  requiredScopes: z.array(z.string()).optional(),
  visible: z.array(z.string()).optional().describe('For tools/list: exactly these tools.'),
});

/** A file of policy tests: who there is, which tools there are, and what must be answered. */
export const PolicyTestFile = z.strictObject({
  identity: Identity,
  tools: z.array(TestTool),
  tests: z.array(z.strictObject({ name: z.string().min(1), call: TestCall, expect: Expectation })).min(1),
});

/** What became of the tests of a policy set. */
export interface PolicyTestReport {
  readonly passed: number;
  readonly failures: readonly PolicyFault[];
}

/** Runs the tests of a policy set against it. A test that cannot be read is a failure. Nothing outside the arguments is looked at. */
export const runPolicyTests = (tests: ReadonlyMap<string, string>, policies: CompiledPolicySet): PolicyTestReport => {
  let passed = 0;
  const failures: PolicyFault[] = [];
  for (const result of policyTestResults(tests, policies)) {
    if (result.passed) passed += 1;
    else
      failures.push({
        file: result.file,
        policyId: null,
        message: [result.name, result.differences.join('; ')].filter(Boolean).join(': '),
      });
  }
  return { passed, failures };
};

/** Runs the tests one by one, as they are asked for. A file that cannot be read gives a result without a name for each of its faults. */
export function* policyTestResults(tests: ReadonlyMap<string, string>, policies: CompiledPolicySet): Generator<PolicyTestResult> {
  for (const [file, text] of tests) {
    const { value, faults } = readYaml(PolicyTestFile, file, text);
    for (const { message } of faults) yield { file, name: '', passed: false, differences: [message] };
    if (value === null) continue;
    const facts = factsOf(value, policies);
    const allScopes = [...new Set([...value.identity.users, ...value.identity.agents].flatMap((entry) => entry.scopes))];
    for (const { name, call, expect } of value.tests) {
      const differences = differencesOf(decideCall(requestOf(call, call.scopes ?? allScopes), facts), expect);
      yield { file, name, passed: differences.length === 0, differences };
    }
  }
}

const differencesOf = (decision: Decision, expected: z.infer<typeof Expectation>): string[] => {
  const differences: string[] = [];
  const compare = (what: string, actual: unknown, wanted: unknown): void => {
    if (wanted !== undefined && JSON.stringify(actual) !== JSON.stringify(wanted)) {
      differences.push(`${what} is ${JSON.stringify(actual)}, expected ${JSON.stringify(wanted)}`);
    }
  };
  compare('effect', decision.effect, expected.effect);
  compare('code', decision.code, expected.code);
  compare('requiredScopes', decision.requiredScopes, expected.requiredScopes);
  compare('visible', decision.visible, expected.visible);
  compare(
    'obligations',
    decision.obligations.map(({ type }) => type).sort(),
    expected.obligations === undefined ? undefined : [...expected.obligations].sort(),
  );
  compare(
    'approvalRules',
    [...(demandedRules(decision.obligations) ?? [])].sort(),
    expected.approvalRules === undefined ? undefined : [...expected.approvalRules].sort(),
  );
  const absent = (expected.rules ?? []).filter((rule) => !decision.policyIds.includes(rule));
  if (absent.length > 0) differences.push(`rules ${absent.join(', ')} did not decide (${decision.policyIds.join(', ') || 'none'} did)`);
  return differences;
};

const requestOf = (
  call: TestCall,
  scopes: readonly string[],
): { facts: Parameters<typeof decideCall>[0]['facts']; arguments: Json | undefined; chainId: string } => ({
  facts: {
    principal: {
      subject: call.subject,
      actors: [...call.actors],
      tenantId: 'test',
      issuer: 'https://issuer.test',
      scopes: [...scopes],
      mode: call.mode,
      clientId: null,
      environment: call.environment,
      tokenSource: 'test',
      workflow: call.workflow,
    },
    transport: 'mcp',
    protocolVersion: null,
    method: call.method,
    target: targetOf(call),
    tool: null,
    paramsMasked: null,
    paramsHash: 'A'.repeat(43),
    labels: [...call.labels],
    redactions: [],
    claimed: { model: null, prompt: null, intent: null, workflow: null, session: null, client: null },
    purpose: call.plan ? 'plan' : 'execute',
    edgeId: 'test',
  },
  arguments: call.args,
  chainId: 'test',
});

const targetOf = (call: TestCall): Parameters<typeof decideCall>[0]['facts']['target'] => {
  if (call.tool !== undefined) {
    const slash = call.tool.indexOf('/');
    return { kind: 'tool', server: call.tool.slice(0, slash), name: call.tool.slice(slash + 1) };
  }
  const server = call.server ?? null;
  if (call.prompt !== undefined) return { kind: 'prompt', server, name: call.prompt };
  if (call.resource !== undefined) return { kind: 'resource', server, name: call.resource };
  if (methodRuleOf(call.method)?.on === 'tool') throw new AppError('policy.invalid', 'a test of tools/call names no tool');
  return { kind: server === null ? 'gateway' : 'server', server, name: null };
};

const factsOf = (file: z.infer<typeof PolicyTestFile>, policies: CompiledPolicySet): DecisionFacts => {
  const identity: IdentityDirectory = file.identity;
  const tools = file.tools.map(toolOf).sort((left, right) => (left.id < right.id ? -1 : 1));
  const byId = new Map(tools.map((tool) => [tool.id, tool]));
  return {
    policies,
    identity,
    controls: { isActive: () => false },
    isPoisoned: () => false,
    tool: (id) => byId.get(id),
    tools: (server) => (server === null ? tools : tools.filter((tool) => tool.server === server)),
    hasServer: (server) => tools.some((tool) => tool.server === server),
  };
};

const toolOf = ({ id, tier, tags, scopes, missing }: z.infer<typeof TestTool>): ToolRecord => ({
  id,
  tenantId: 'test',
  server: id.slice(0, id.indexOf('/')),
  name: id.slice(id.indexOf('/') + 1),
  owner: 'test',
  dataDomain: 'test',
  riskTier: tier ?? null,
  version: '1',
  lifecycle: 'active',
  lastReviewed: '2026-01-01',
  supportContact: 'test',
  costMicros: 0,
  currency: 'USD',
  scopes,
  tags,
  pinnedDigest: `sha256:${'0'.repeat(64)}`,
  definition: null,
  driftedDigest: null,
  missing,
  epoch: 0,
});
