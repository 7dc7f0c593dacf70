import { readFileSync } from 'node:fs';
import { PATH_OWNERS, SERVICES } from '@sallyport/contracts';
import { parseConfiguration } from '@sallyport/platform';
import { ROOT_FOLDER } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const textOf = (path: string): string => readFileSync(`${ROOT_FOLDER}infra/${path}`, 'utf8');

const Container = z.object({
  image: z.string(),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  ports: z.array(z.string()).optional(),
  secrets: z.array(z.union([z.string(), z.object({ source: z.string(), target: z.string() })])).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
});
const Compose = z.object({ services: z.record(z.string(), Container), secrets: z.record(z.string(), z.object({ file: z.string() })) });

describe('the compose file', () => {
  const { services, secrets } = Compose.parse(parse(textOf('compose/compose.yaml'), { merge: true }));

  test.each(SERVICES)('runs %s as nobody special, on a file system it cannot change, with the secrets of itself alone', (service) => {
    expect(services[service]).toMatchObject({
      ...{ command: [`dist/bundles/${service}/main.mjs`], user: expect.not.stringMatching(/^(0|root)\b/), read_only: true },
      secrets: [{ source: service, target: 'sallyport.env' }],
    });
    expect(services[service]?.environment).toBeUndefined();
    expect(secrets[service]).toEqual({ file: `secrets/${service}.env` });
  });

  test('shows the ingress alone, to this machine alone, once every service is ready', () => {
    expect(Object.entries(services).filter(([, { ports }]) => ports !== undefined)).toMatchObject([
      ['ingress', { ports: ['127.0.0.1:8080:8080'] }],
    ]);
    expect(Object.keys(services.ingress?.depends_on ?? {}).sort()).toEqual([...SERVICES].sort());
  });

  test('waits for stores and broker by asking them, and pins every image', () => {
    for (const name of ['kafka', 'postgres', 'ingress']) expect(services[name]?.healthcheck).toBeDefined();
    for (const { image } of Object.values(services)) expect(image).toMatch(/:[^:]*\d+(\.\d+)*[^:]*$/);
  });

  test('comes with a configuration that the services take', () => {
    const { gateway, log } = parseConfiguration({
      text: textOf('compose/sallyport.yaml'),
      file: '/etc/sallyport/sallyport.yaml',
      env: {},
    });
    expect(log).toMatchObject({ kind: 'kafka', kafka: { brokers: ['kafka:9092'] } });
    expect(gateway).toMatchObject({ publicUrl: 'http://localhost:8080', jwksUrl: 'http://edge-gateway:8080/.well-known/jwks.json' });
  });
});

describe('the chart', () => {
  test('has the five services, and joins them by the table of paths', () => {
    const values = z
      .object({ services: z.record(z.string(), z.object({ secret: z.string() })) })
      .parse(parse(textOf('helm/sallyport/values.yaml')));
    expect(Object.keys(values.services).sort()).toEqual([...SERVICES].sort());
    expect(JSON.parse(textOf('helm/sallyport/files/ingress.json')).paths).toEqual({ ...PATH_OWNERS, '/': 'edge-gateway' });
  });
});

describe('the image', () => {
  const text = textOf('docker/Dockerfile');

  test('runs as nobody special, with a young generation for its speed, on the Node that the product is tested with', () => {
    const { devDependencies } = z
      .object({ devDependencies: z.object({ node: z.string() }) })
      .parse(JSON.parse(readFileSync(`${ROOT_FOLDER}package.json`, 'utf8')));
    for (const [, base] of text.matchAll(/^FROM (\S+)/gm)) expect(base).toBe(`node:${devDependencies.node}-trixie-slim`);
    expect(text).toMatch(/^USER node$/m);
    expect(text).toMatch(/^ENTRYPOINT \["node", "--max-semi-space-size=32"/m);
  });
});
