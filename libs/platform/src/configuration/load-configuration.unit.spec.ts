import { describe, expect, test } from 'vitest';
import { approvalRulesOf } from './approval-rules.js';
import { ConfigurationError, type ConfigurationFault } from './configuration-error.js';
import { identityDirectoryOf } from './identity-directory.js';
import { parseConfiguration } from './load-configuration.js';
import type { SallyportConfiguration } from './schema.js';

const SMALLEST = `
tenants: [{ id: acme, name: Acme }]
identity:
  issuers: [{ issuer: https://login.example, tokenSource: login, jwksUrl: https://login.example/jwks }]
`;

const parse = (text: string, env: Record<string, string> = {}): SallyportConfiguration =>
  parseConfiguration({ text, file: '/etc/sallyport/sallyport.yaml', env });

const faultsOf = (text: string, env: Record<string, string> = {}): readonly ConfigurationFault[] => {
  try {
    parse(text, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
};

describe('a valid file', () => {
  test('needs tenants and an issuer alone; all else has defaults, paths start at the file', () => {
    const configuration = parse(SMALLEST);
    expect(configuration.gateway).toMatchObject({
      port: 8080,
      decisionTimeoutMs: 8_000,
      maxBodyBytes: 1_048_576,
      publicUrl: 'http://127.0.0.1:8080',
    });
    expect(configuration.policies.folder).toBe('/etc/sallyport/policies');
    expect(configuration.log.kind).toBe('postgres');
    expect(configuration.identity.issuers[0]?.claims.tenant).toBe('sallyport_tenant');
  });

  test('puts an issuer that is written as a path below the public URL, wherever that is', () => {
    const text = SMALLEST.replace(/issuer: [^,}\n]+/, 'issuer: /authorization');
    expect(parse(text, { SALLYPORT_PORT: '9090' }).identity.issuers[0]?.issuer).toBe('http://127.0.0.1:9090/authorization');
    expect(parse(text, { SALLYPORT_PUBLIC_URL: 'https://gw.example/' }).identity.issuers[0]?.issuer).toBe(
      'https://gw.example/authorization',
    );
  });

  test('gives way to the variables of the environment', () => {
    const configuration = parse(`${SMALLEST}gateway: { port: 1 }`, {
      SALLYPORT_PORT: '9090',
      DATABASE_URL: 'postgresql://a:b@db/x',
      SALLYPORT_EDGE_GATEWAY_DATABASE_URL: 'postgresql://edge:b@db/x',
      SALLYPORT_LOG_KIND: 'kafka',
      SALLYPORT_KAFKA_BROKERS: 'one:9092, two:9092',
      SALLYPORT_KAFKA_USERNAME: 'edge',
      SALLYPORT_KAFKA_PASSWORD: 'pass',
    });
    expect(configuration.gateway).toMatchObject({ port: 9090, publicUrl: 'http://127.0.0.1:9090' });
    expect(configuration.database).toMatchObject({ url: 'postgresql://a:b@db/x', urls: { 'edge-gateway': 'postgresql://edge:b@db/x' } });
    expect(configuration.log.kafka).toMatchObject({
      brokers: ['one:9092', 'two:9092'],
      sasl: { username: 'edge', password: 'pass', mechanism: 'scram-sha-512' },
    });
  });

  test('may refer to the environment for secrets and addresses', () => {
    const text = `${SMALLEST}
upstreams:
  - server: crm
    tenant: acme
    transport: { kind: http, url: "https://\${CRM_HOST}/mcp", headers: { X-Key: "\${CRM_KEY}" } }`;
    const [upstream] = parse(text, { CRM_HOST: 'crm.example', CRM_KEY: 's3cret' }).upstreams;
    expect(upstream?.transport).toMatchObject({ url: 'https://crm.example/mcp', headers: { 'X-Key': 's3cret' } });
  });

  test('asks one person of the tenant where no approval rule is declared', () =>
    expect(approvalRulesOf(parse(SMALLEST), 'acme')).toEqual([
      { id: '*', approvers: ['*'], quorum: 1, waitSeconds: 900, grantSeconds: 900, detach: false },
    ]));

  test('gives a tenant its own approval rules, and those of everybody where it has none of the name', () => {
    const configuration = parse(`
tenants: [{ id: acme, name: Acme }, { id: other, name: Other }]
identity:
  issuers: [{ issuer: https://login.example, tokenSource: login, jwksUrl: https://login.example/jwks }]
approvals:
  rules:
    - { id: finance, approvers: [grace, olga], quorum: 2 }
    - { id: finance, tenant: acme, approvers: [mia] }
    - { id: '*' }`);
    const rulesOf = (tenant: string) => approvalRulesOf(configuration, tenant).map(({ id, approvers, quorum }) => [id, approvers, quorum]);
    expect(rulesOf('acme')).toEqual([
      ['finance', ['user:mia'], 1],
      ['*', ['*'], 1],
    ]);
    expect(rulesOf('other')).toEqual([
      ['finance', ['user:grace', 'user:olga'], 2],
      ['*', ['*'], 1],
    ]);
  });

  test('becomes the directory of a tenant with prefixed names', () => {
    const configuration = parse(`
tenants: [{ id: acme, name: Acme }, { id: other, name: Other }]
identity:
  issuers: [{ issuer: i, tokenSource: login, jwksFile: keys.json }]
  users: [{ id: ada, tenant: acme, scopes: [read] }, { id: "*", tenant: acme, scopes: [] }, { id: "service:batch", tenant: other, scopes: [read] }]
  agents: [{ id: triage, tenant: acme, scopes: [read] }]
  grants: [{ subject: ada, agent: triage, tenant: acme, scopes: [read] }]`);
    expect(identityDirectoryOf(configuration, 'acme')).toEqual({
      users: [
        { id: 'user:ada', scopes: ['read'] },
        { id: '*', scopes: [] },
      ],
      agents: [{ id: 'agent:triage', scopes: ['read'] }],
      delegations: [{ subject: 'user:ada', agent: 'agent:triage', scopes: ['read'] }],
    });
  });
});

describe('faults', () => {
  test('are all reported at once, each with its path and line', () => {
    const text = `tenants:
  - { id: acme, name: Acme }
  - { id: acme, name: Again }
identity:
  issuers:
    - issuer: https://login.example
      tokenSource: login
gateway:
  port: 70000
  maxBodySize: 5
upstreams:
  - server: crm
    tenant: nobody
    transport: { kind: http, url: http://crm.example/mcp }
budgets: {}
`;
    expect(faultsOf(text)).toEqual([
      { line: 3, path: 'tenants[1]', message: 'tenant acme is there twice' },
      { line: 6, path: 'identity.issuers[0]', message: 'needs either jwksUrl or jwksFile' },
      { line: 9, path: 'gateway.port', message: expect.stringContaining('<=65535') },
      { line: 10, path: 'gateway.maxBodySize', message: 'there is no such key' },
      { line: 14, path: 'upstreams[0].transport.url', message: 'must be https:// unless allowInsecure is true' },
      { line: 15, path: 'budgets', message: expect.stringMatching(/no such section; known: tenants, identity/) },
    ]);
  });

  test('between sections are found as well: a tenant or an agent that does not exist', () => {
    const text = `${SMALLEST}  grants: [{ subject: ada, agent: ghost, tenant: acme, scopes: [] }]
upstreams: [{ server: crm, tenant: nobody, transport: { kind: stdio, command: crm } }]`;
    expect(faultsOf(text).map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'identity.grants[0].agent: there is no agent ghost in acme',
      'upstreams[0].tenant: there is no tenant nobody',
    ]);
  });

  test('of approval rules: an approver who is no person, a quorum nobody reaches, a tenant that is not there, a rule twice', () => {
    const rules = (...lines: readonly string[]) =>
      faultsOf(`${SMALLEST}approvals: { rules: [${lines.map((line) => `{ ${line} }`).join(', ')}] }`).map(({ path }) => path);
    expect(rules("id: a, approvers: ['service:batch']", 'id: b, approvers: [grace], quorum: 2', 'id: c', 'id: c')).toEqual([
      'approvals.rules[0].approvers[0]',
      'approvals.rules[1].quorum',
      'approvals.rules[3]',
    ]);
    expect(rules('id: c, tenant: nobody')).toEqual(['approvals.rules[0].tenant']);
  });

  test('of a missing key stand at the thing that lacks it', () => {
    expect(faultsOf('tenants:\n  - id: acme\n')).toEqual([
      { line: 1, path: 'identity', message: 'is missing' },
      { line: 2, path: 'tenants[0].name', message: 'is missing' },
    ]);
  });

  test('of a variable name the variable, and repeat no value', () => {
    const faults = faultsOf(SMALLEST, { SALLYPORT_PORT: 'eighty', DATABASE_URL: 'mysql://root:hunter2@db' });
    expect(faults).toEqual([
      { path: 'gateway.port', variable: 'SALLYPORT_PORT', message: expect.stringContaining('expected number') },
      { path: 'database.url', variable: 'DATABASE_URL', message: 'must be a postgresql:// address' },
    ]);
    expect(new ConfigurationError('f', faults).message).not.toMatch(/hunter2|eighty/);
  });

  test('of references: a variable that is not set, and one where none is allowed', () => {
    const text = `tenants: [{ id: acme, name: "\${NAME}" }]
identity: { issuers: [{ issuer: i, tokenSource: login, jwksUrl: "\${JWKS}" }] }`;
    expect(faultsOf(text, { NAME: 'x' }).map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'tenants[0].name: may not refer to the environment: only secrets and addresses may',
      'identity.issuers[0].jwksUrl: the environment variable JWKS is not set',
    ]);
  });

  test.each([
    ['a key twice', 'tenants: []\ntenants: []', 2],
    ['a bracket too few', 'tenants: [', 1],
    ['a list', '- tenants', 1],
  ])('say that %s is no configuration, and where', (_what, text, line) => {
    expect(faultsOf(text)[0]).toMatchObject({ line });
  });

  test('stop a header that would forge what the gateway says of itself', () => {
    const text = `${SMALLEST}upstreams: [{ server: crm, tenant: acme, transport: { kind: http, url: "https://crm.example", headers: { Authorization: x } } }]`;
    expect(faultsOf(text)).toMatchObject([
      { path: 'upstreams[0].transport.headers.Authorization', message: 'is set by the gateway itself' },
    ]);
  });

  test.each([
    ['http://login.example/jwks', 1],
    ['http://127.0.0.1:8081/jwks', 0],
    ['https://login.example/jwks', 0],
  ])('stop keys that anybody on the way could exchange: %s', (url, count) => {
    const faults = faultsOf(SMALLEST.replace('https://login.example/jwks', url));
    expect(faults.map(({ path }) => path)).toEqual(Array.from({ length: count }, () => 'identity.issuers[0].jwksUrl'));
  });

  test.each([
    ['http://edge-gateway:8080/.well-known/jwks.json', '', 1],
    ['http://edge-gateway:8080/.well-known/jwks.json', ', allowInsecureJwks: true', 0],
    ['http://127.0.0.1:8080/.well-known/jwks.json', '', 0],
    ['https://edge-gateway:8443/.well-known/jwks.json', '', 0],
  ])('stop keys of console sessions from being exchanged on the way unasked: %s%s', (url, more, count) => {
    const faults = faultsOf(`${SMALLEST}gateway: { jwksUrl: "${url}"${more} }`);
    expect(faults.map(({ path }) => path)).toEqual(Array.from({ length: count }, () => 'gateway.jwksUrl'));
  });

  test.each([
    ['http://crm.example/mcp', '', 1],
    ['http://crm.example/mcp', ', allowInsecure: true', 0],
    ['http://localhost:3000/mcp', '', 0],
    ['https://crm.example/mcp', '', 0],
  ])('stop tokens and data from travelling in the clear unasked: %s%s', (url, more, count) => {
    const text = `${SMALLEST}upstreams: [{ server: crm, tenant: acme, transport: { kind: http, url: "${url}"${more} } }]`;
    expect(faultsOf(text).map(({ path }) => path)).toEqual(Array.from({ length: count }, () => 'upstreams[0].transport.url'));
  });

  test('read one a line, for a terminal', () => {
    expect(new ConfigurationError('sallyport.yaml', faultsOf('tenants:\n  - id: acme\n')).message).toBe(
      'sallyport.yaml has 2 faults:\n  line 1, identity: is missing\n  line 2, tenants[0].name: is missing',
    );
  });
});
