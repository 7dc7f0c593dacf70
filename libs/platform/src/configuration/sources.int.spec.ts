import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfiguration, parseConfiguration } from './load-configuration.js';
import { ownUrlsOf, rootKeyOfConfiguration } from './sources.js';

const EXAMPLE = join(import.meta.dirname, '../../../../sallyport.example.yaml');

test('the generated example is a valid configuration', async () => {
  const configuration = await loadConfiguration({ file: EXAMPLE, env: {} });
  expect(configuration.upstreams[0]?.transport.kind).toBe('http');
});

test('every key that the example has out of force is known: with all of them in force no key is unknown', () => {
  const text = readFileSync(EXAMPLE, 'utf8')
    .replaceAll(/^(\s*)#(?=[a-zA-Z])/gm, '$1')
    // One transport can be of one kind alone.
    .replace(/ {6}# Or:[\s\S]*?(?= {4}# How long a connection)/, '');
  const load = () => parseConfiguration({ text, file: EXAMPLE, env: {} });
  expect(load).toThrow(/needs either jwksUrl or jwksFile/);
  expect(load).not.toThrow(/no such|is missing/);
});

const configurationWith = (more: string, env: Record<string, string> = {}) =>
  parseConfiguration({
    text: `tenants: [{ id: a, name: A }]\nidentity: { issuers: [{ issuer: i, tokenSource: t, jwksFile: k }] }\n${more}`,
    file: '/x/y.yaml',
    env,
  });

test('the root key comes from where the configuration says, and is made only in the embedded default', () => {
  const key = `k1:${Buffer.alloc(32).toString('base64url')}`;
  const dataFolder = mkdtempSync(join(tmpdir(), 'sallyport-keys-'));
  try {
    expect(
      rootKeyOfConfiguration(configurationWith('sealing: { rootKeyEnv: MY_KEY }'), { env: { MY_KEY: key }, dataFolder }).versions[0].kid,
    ).toBe('k1');
    expect(rootKeyOfConfiguration(configurationWith(''), { env: { SALLYPORT_ROOT_KEY: key }, dataFolder }).versions[0].kid).toBe('k1');
    const made = rootKeyOfConfiguration(configurationWith(''), { env: {}, dataFolder });
    expect(rootKeyOfConfiguration(configurationWith(''), { env: {}, dataFolder }).versions[0].kid).toBe(made.versions[0].kid);
    expect(() => rootKeyOfConfiguration(configurationWith(''), { env: {} })).toThrow(/SALLYPORT_ROOT_KEY: the variable is not set/);
    expect(() => rootKeyOfConfiguration(configurationWith('sealing: { rootKeyFile: none.key }'), { env: {}, dataFolder })).toThrow(
      /cannot be read/,
    );
  } finally {
    rmSync(dataFolder, { recursive: true, force: true });
  }
});

test('a service has an address of its own or none, and its migrations theirs or the same', () => {
  const url = 'postgresql://edge@db/x';
  const configuration = configurationWith('', {
    SALLYPORT_EDGE_GATEWAY_DATABASE_URL: url,
    SALLYPORT_LOG_DATABASE_URL: url,
    SALLYPORT_LOG_MIGRATIONS_DATABASE_URL: 'postgres://owner@db/x',
  });
  expect(ownUrlsOf(configuration, 'edge-gateway')).toEqual({ url, migrationsUrl: url });
  expect(ownUrlsOf(configuration, 'log')).toEqual({ url, migrationsUrl: 'postgres://owner@db/x' });
  expect(ownUrlsOf(configuration, 'policy-decision')).toBeUndefined();
});
