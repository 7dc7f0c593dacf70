// What the pages tell people to paste is pasted here.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { approvalRulesOf, parseConfiguration } from '@sallyport/platform';
import { compileCedar, readCatalogFiles, readPolicyFiles, runPolicyTests } from '@sallyport/policy-decision';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string) => readFileSync(at(path), 'utf8');

/** The code blocks of a language on a page, in order. */
const blocksOf = (page: string, language: string): string[] =>
  [...read(page).matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block = '']) => block);

const shippedPolicies = () =>
  Object.fromEntries(
    readdirSync(at('policies'), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(cedar|cedarschema|ya?ml)$/.test(file))
      .map((file) => [file.replaceAll('\\', '/'), read(`policies/${file}`)]),
  );

const KAFKA_VARIABLES = {
  SALLYPORT_KAFKA_USERNAME: 'edge-gateway',
  SALLYPORT_KAFKA_PASSWORD: 'p',
  SALLYPORT_STDIO_HOST_URL: 'http://127.0.0.1:8090',
  SALLYPORT_STDIO_HOST_SECRET: 's'.repeat(32),
  DATABASE_URL: 'postgres://sallyport:p@db/sallyport',
};
/** The shipped configuration with a part of it replaced; throws when that is not valid. */
const configured = (part: Record<string, unknown>, env: Record<string, string> = {}) =>
  parseConfiguration({
    text: stringify({ ...(parse(read('sallyport.yaml')) as object), ...part }),
    file: at('sallyport.yaml'),
    env,
  });

describe('what the pages tell people to paste', () => {
  test('a policy with its argument and its test compiles beside the shipped ones, and the test passes', () => {
    const page = 'docs/how-to/write-a-policy.md';
    const [rule = '', argument = ''] = blocksOf(page, 'cedar');
    const [cases = ''] = blocksOf(page, 'yaml');
    const files = { ...shippedPolicies(), 'crm.cedar': rule, 'arguments.cedarschema': argument, 'tests/crm.yaml': cases };
    const { bundle, faults } = readPolicyFiles(files);
    expect(faults).toEqual([]);
    const outcome = compileCedar(bundle, { users: [], agents: [], delegations: [] });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    const report = runPolicyTests(new Map([...bundle.tests].filter(([file]) => file.endsWith('crm.yaml'))), outcome.set);
    expect(report).toMatchObject({ passed: 1, failures: [] });
  });

  test('approval rules are valid, and mean what the page says', () => {
    const [page = ''] = blocksOf('docs/how-to/approve-a-call.md', 'yaml');
    expect(approvalRulesOf(configured(parse(page) as Record<string, unknown>), 'acme')).toMatchObject([
      { id: 'finance', approvers: ['user:grace', 'user:olga'], quorum: 2, detach: true },
      { id: '*', approvers: ['*'], quorum: 1, waitSeconds: 900 },
    ]);
  });

  test('an upstream, its catalog and its grant are valid', () => {
    const [http = '', stdio = '', catalog = '', grant = ''] = blocksOf('docs/how-to/add-an-upstream.md', 'yaml');
    const { upstreams } = configured(parse(http + stdio) as Record<string, unknown>);
    expect(upstreams.map(({ server }) => server)).toEqual(['crm', 'notes']);
    expect(readCatalogFiles({ 'crm.yaml': catalog })).toMatchObject({ servers: ['crm'], faults: [] });
    const { faults } = readPolicyFiles({ ...shippedPolicies(), 'grants.yaml': `grants:\n${grant}` });
    expect(faults).toEqual([]);
  });

  test('the configuration of a service on Kafka is valid', () => {
    const [block = ''] = blocksOf('docs/how-to/run-on-kafka.md', 'yaml');
    const { log } = configured(parse(block) as Record<string, unknown>, KAFKA_VARIABLES);
    expect(log).toMatchObject({ kind: 'kafka', kafka: { createTopics: false, sasl: { username: 'edge-gateway' } } });
  });

  test.each(['docs/connect/cursor.md', 'docs/connect/vs-code.md'])('the client configuration on %s is JSON', (page) => {
    for (const block of blocksOf(page, 'json')) expect(() => JSON.parse(block)).not.toThrow();
  });
});
