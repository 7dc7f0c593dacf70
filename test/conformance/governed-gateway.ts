import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONFORMANCE_TOOLS, ONE_PROCESS, RecordReader, ROOT_FOLDER, ServiceProcess, TestIssuer, until } from '@sallyport/testing';
import { stringify } from 'yaml';
import { freePort } from './free-port.ts';

/** The name under which the fixture is registered. */
export const SERVER = 'conformance';

const TENANT = 'acme';
const SCOPES = ['tools:read'];
const OFFICE = ['sallyport:audit'];

/** The product in one process, on its own PostgreSQL and log, with the shipped policies, in front of one server. */
export interface GovernedGateway {
  readonly url: string;
  /** A token for the agent that the suite is, acting for a person. */
  readonly token: string;
  readonly record: RecordReader;
  /** A token of somebody who may read the record. */
  auditToken(): Promise<string>;
  readonly output: () => readonly string[];
  close(): Promise<void>;
}

const configurationOf = (options: {
  readonly url: string;
  readonly port: number;
  readonly issuer: string;
  readonly upstreamUrl: string;
}) => ({
  tenants: [{ id: TENANT, name: 'Acme' }],
  identity: {
    issuers: [
      { issuer: options.issuer, tokenSource: 'conformance', jwksFile: 'issuer.jwks.json', audience: [options.url] },
      { issuer: '/authorization', tokenSource: 'development', jwksFile: '.sallyport/development-issuer/jwks.json' },
    ],
    users: [
      { id: 'ada', tenant: TENANT, scopes: SCOPES },
      { id: 'grace', tenant: TENANT, scopes: OFFICE },
    ],
    agents: [{ id: 'suite', tenant: TENANT, scopes: SCOPES }],
    grants: [{ subject: 'ada', agent: 'suite', tenant: TENANT, scopes: SCOPES }],
  },
  gateway: { port: options.port, publicUrl: options.url, drainTimeoutMs: 2_000 },
  upstreams: [{ server: SERVER, tenant: TENANT, transport: { kind: 'http', url: options.upstreamUrl } }],
  policies: { folder: join(ROOT_FOLDER, 'policies') },
  catalog: { folder: join(ROOT_FOLDER, 'test', 'conformance', 'catalog') },
  audit: { checkpointSeconds: 1 },
});

/** Starts it and resolves when every tool of the fixture is pinned. Throws with what the process said when it does not come up. */
export const startGovernedGateway = async (upstreamUrl: string): Promise<GovernedGateway> => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-conformance-'));
  // PostgreSQL runs under another account where this one is root.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const issuer = `${url}/issuer`;
  const keySetFile = join(folder, 'issuer.jwks.json');
  const tokens = await TestIssuer.create({ issuer, keySetFile, tenant: TENANT, audience: url, scopes: SCOPES });
  const file = join(folder, 'sallyport.yaml');
  writeFileSync(file, stringify(configurationOf({ url, port, issuer, upstreamUrl })));
  const command = [join(ROOT_FOLDER, 'apps', 'cli', 'dist', 'main.js'), 'start', '--config', file];
  const process = new ServiceProcess({ name: 'start', node: ONE_PROCESS, command, url, cwd: folder, env: {} });
  const close = async (): Promise<void> => {
    await process.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    process.start();
    await process.ready();
    const token = await tokens.sign({ subject: 'ada', agent: 'suite' });
    await until('the tools of the fixture are pinned', async () => {
      const response = await fetch(`${url}/v1/tools`, { headers: { authorization: `Bearer ${token}` } });
      const listed = await response.text();
      return Object.keys(CONFORMANCE_TOOLS).every((tool) => listed.includes(`"${SERVER}/${tool}"`)) ? true : undefined;
    });
    const auditToken = (): Promise<string> => tokens.sign({ subject: 'grace', scopes: OFFICE });
    const record = new RecordReader(url, auditToken);
    return { url, token, record, auditToken, output: () => process.lines, close };
  } catch (error) {
    const said = process.lines.slice(-40).join('\n');
    await close();
    throw new Error(`the gateway did not come up:\n${said}`, { cause: error });
  }
};
