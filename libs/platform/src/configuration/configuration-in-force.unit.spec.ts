import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configurationInForce } from './configuration-in-force.js';
import { parseConfiguration } from './load-configuration.js';

const SECRET = 'postgres://owner:hunter2-hunter2@db.internal.example/sallyport';

const withSecret = () =>
  parseConfiguration({
    text: `
tenants: [{ id: acme, name: Acme }]
identity: { issuers: [{ issuer: 'https://id.example', jwksUrl: 'https://id.example/keys', tokenSource: id }] }
log: { postgres: { url: '\${SALLYPORT_LOG_DATABASE_URL}' } }
`,
    file: '/etc/sallyport/sallyport.yaml',
    env: { SALLYPORT_LOG_DATABASE_URL: SECRET },
  });

test('tells numbers, switches and words, and of every other text only that it is set', () => {
  const settings = configurationInForce(withSecret());
  expect(settings).toContainEqual({ key: 'log.kind', value: 'postgres' });
  expect(settings).toContainEqual({ key: 'log.postgres.url', value: 'set' });
  expect(settings).toContainEqual({ key: 'gateway.publicUrl', value: 'set' });
  expect(JSON.stringify(settings)).not.toContain('hunter2');
  expect(settings.find(({ key }) => key === 'gateway.decisionTimeoutMs')?.value).toBeTypeOf('number');
});

test('tells nothing of a text, wherever in the sections it stands', () => {
  const configuration = withSecret();
  fc.assert(
    fc.property(
      fc.constantFrom('gateway', 'database', 'sealing', 'audit', 'telemetry', 'stdioHost'),
      fc.string({ minLength: 12 }),
      (section, text) => {
        const tampered = { ...configuration, [section]: { ...configuration[section], anything: { deep: [text], here: text } } };
        expect(JSON.stringify(configurationInForce(tampered))).not.toContain(JSON.stringify(text).slice(1, -1));
      },
    ),
  );
});

test('tells nothing of tenants', () => {
  expect(JSON.stringify(configurationInForce(withSecret()))).not.toMatch(/acme|id\.example/);
});
