import { parseConfiguration } from '@sallyport/platform';
import { afterEach, expect, test, vi } from 'vitest';
import { MemoryEventLog } from '../memory/memory-event-log.adapter.js';
import { openProcessRuntime } from './service-runtime.js';

const configuration = parseConfiguration({
  text: `tenants: [{ id: acme, name: Acme }]
identity: { issuers: [{ issuer: i, tokenSource: t, jwksFile: keys.json }] }
sealing: { rootKeyEnv: A_ROOT_KEY }`,
  file: '/etc/sallyport/sallyport.yaml',
  env: {},
});

afterEach(() => void vi.unstubAllEnvs());

test('a service that seals nothing needs no root key, and one that does is told that it is missing', () => {
  vi.stubEnv('A_ROOT_KEY', undefined);
  const runtime = openProcessRuntime({ configuration, log: new MemoryEventLog(), sharesProcess: false });
  expect(() => runtime.sealer()).toThrow(expect.objectContaining({ code: 'configuration.invalid' }));
});

test('the services of one process share one sealer', () => {
  vi.stubEnv('A_ROOT_KEY', Buffer.alloc(32, 7).toString('base64url'));
  const runtime = openProcessRuntime({ configuration, log: new MemoryEventLog(), sharesProcess: true });
  expect(runtime.sealer()).toBe(runtime.sealer());
});
