import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { storyCatalog } from './story-tools.js';

/** The checkout that the tests run in. */
export const ROOT_FOLDER = fileURLToPath(new URL('../../../../', import.meta.url));

/** The server that stories are told about. */
export const STORY_SERVER = 'story';
/** The tenant and the scopes of the stories. */
export const STORY_TENANT = 'acme';
export const STORY_SCOPES: readonly string[] = ['tools:read', 'tools:write'];
/** What auditors and administrators carry; agents do not. */
export const OFFICE_SCOPES: readonly string[] = ['sallyport:audit', 'sallyport:operate'];

/** A part of `sallyport.yaml`; nested objects are merged into the harness's own, everything else replaces it. */
export interface ConfigurationPart {
  readonly [key: string]: unknown;
}

export interface ClusterFolderOptions {
  readonly gatewayUrl: string;
  readonly gatewayPort: number;
  readonly issuer: string;
  readonly keySetFile: string;
  readonly upstreamUrl: string;
  readonly log: ConfigurationPart;
  readonly configuration: ConfigurationPart;
  /** Adds the shipped catalog files of these servers. */
  readonly shippedCatalog: readonly string[];
  /** Further catalog files, YAML by name of the server. */
  readonly catalog: Readonly<Record<string, string>>;
  /** Granted to the agent `writer` beside `story/write`. */
  readonly grantedWrites: readonly string[];
}

const isPart = (value: unknown): value is ConfigurationPart => typeof value === 'object' && value !== null && !Array.isArray(value);

const merged = (base: ConfigurationPart, over: ConfigurationPart): ConfigurationPart => {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const own = result[key];
    if (isPart(own) && isPart(value)) result[key] = merged(own, value);
    else if (Array.isArray(own) && Array.isArray(value) && key === 'upstreams') result[key] = [...own, ...value];
    else result[key] = value;
  }
  return result;
};

/** Makes an empty folder that other accounts may enter: PostgreSQL runs under another one where the tests are root. */
export const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-cluster-'));
  chmodSync(folder, 0o755);
  return folder;
};

const grantsOf = (more: readonly string[]): string => `grants:
  - to: agent:writer
    tools: [${[`${STORY_SERVER}/write`, ...more].join(', ')}]
    why: The writer agent of the stories writes.
`;

/** Writes `sallyport.yaml`, the shipped policies with the grants of the stories, and the catalog. Returns the configuration's path. */
export const writeClusterFolder = (folder: string, options: ClusterFolderOptions): string => {
  cpSync(join(ROOT_FOLDER, 'policies'), join(folder, 'policies'), {
    recursive: true,
    // The shipped tests are about the shipped grants.
    filter: (from) => !/policies\/(tests|schema)(\/|$)/.test(from),
  });
  writeFileSync(join(folder, 'policies', 'grants.yaml'), grantsOf(options.grantedWrites));
  mkdirSync(join(folder, 'catalog'));
  writeFileSync(join(folder, 'catalog', `${STORY_SERVER}.yaml`), storyCatalog(STORY_SERVER));
  for (const [server, text] of Object.entries(options.catalog)) writeFileSync(join(folder, 'catalog', `${server}.yaml`), text);
  for (const server of options.shippedCatalog)
    cpSync(join(ROOT_FOLDER, 'catalog', `${server}.yaml`), join(folder, 'catalog', `${server}.yaml`));
  const file = join(folder, 'sallyport.yaml');
  writeFileSync(file, stringify(merged(configurationOf(options), options.configuration)));
  return file;
};

const configurationOf = ({ gatewayUrl, gatewayPort, issuer, keySetFile, upstreamUrl, log }: ClusterFolderOptions): ConfigurationPart => {
  const tenant = STORY_TENANT;
  const everything = [...STORY_SCOPES];
  return {
    tenants: [{ id: tenant, name: 'Acme' }],
    identity: {
      issuers: [{ issuer, tokenSource: 'stories', jwksFile: keySetFile, audience: [gatewayUrl], clockSkewSeconds: 5 }],
      users: [
        { id: 'ada', tenant, scopes: everything },
        { id: 'grace', tenant, scopes: [...everything, ...OFFICE_SCOPES] },
      ],
      agents: [
        { id: 'triage', tenant, scopes: ['tools:read'] },
        { id: 'writer', tenant, scopes: everything },
      ],
      grants: [
        { subject: '*', agent: 'triage', tenant, scopes: ['tools:read'] },
        { subject: '*', agent: 'writer', tenant, scopes: everything },
      ],
    },
    gateway: { port: gatewayPort, publicUrl: gatewayUrl, decisionTimeoutMs: 3_000, callTtlMs: 4_000, drainTimeoutMs: 2_000 },
    upstreams: [
      {
        server: STORY_SERVER,
        tenant,
        transport: { kind: 'http', url: upstreamUrl },
        connectTimeoutMs: 1_000,
        answerTimeoutMs: 3_000,
        // Faults are told one by one in the stories; the breaker has tests of its own.
        breaker: { failures: 50, openSeconds: 1 },
      },
    ],
    policies: { folder: 'policies' },
    catalog: { folder: 'catalog' },
    log,
    audit: { checkpointSeconds: 1 },
  };
};

/** The policy files of a cluster, started with these granted writes, as the policy API takes them: relative path to text. */
export const policyFilesOf = (grantedWrites: readonly string[] = []): Readonly<Record<string, string>> => ({
  ...shippedCedar(),
  'grants.yaml': grantsOf(grantedWrites),
});

const shippedCedar = (): Record<string, string> => {
  const files: Record<string, string> = {};
  for (const name of readdirSync(join(ROOT_FOLDER, 'policies'))) {
    if (/\.cedar(schema)?$/.test(name)) files[name] = readFileSync(join(ROOT_FOLDER, 'policies', name), 'utf8');
  }
  return files;
};
