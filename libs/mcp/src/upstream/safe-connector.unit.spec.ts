import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { safeConnector, safeLookup } from './safe-connector.js';

const METADATA = ['169.254.169.254', '169.254.170.2', 'fe80::1', 'fd00:ec2::254', '::ffff:169.254.169.254'];

/** A name server of the test's own: every name means these addresses. */
const meaning =
  (...addresses: readonly string[]): LookupFunction =>
  (_hostname, options, callback) => {
    const [first = ''] = addresses;
    if (options.all === true)
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    else callback(null, first, first.includes(':') ? 6 : 4);
  };
const look = (lookup: LookupFunction, all: boolean): Promise<unknown> =>
  new Promise((resolve, reject) => {
    safeLookup(lookup)('tools.example', { all }, (error, found) => (error === null ? resolve(found) : reject(error)));
  });
const connect = (hostname: string, lookup?: LookupFunction): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const options = { hostname, host: hostname, protocol: 'http:', port: '9' };
    safeConnector(500, lookup)(options, (error, socket) => (error === null ? resolve(socket?.destroy()) : reject(error)));
  });

test.each(METADATA)('a name that means %s is not connected to, also among other addresses', async (address) => {
  for (const all of [true, false]) await expect(look(meaning(address), all)).rejects.toThrow('metadata address');
  await expect(look(meaning('127.0.0.1', address), true)).rejects.toThrow('metadata address');
  await expect(connect('tools.example', safeLookup(meaning(address)))).rejects.toThrow('metadata address');
});

test.each(METADATA)('%s itself is not connected to', async (address) => {
  await expect(connect(address)).rejects.toThrow('metadata address');
  if (address.includes(':')) await expect(connect(`[${address}]`)).rejects.toThrow('metadata address');
});

test('any other address is, of this machine and of private networks too', async () => {
  for (const all of [true, false]) await expect(look(meaning('127.0.0.1'), all)).resolves.toBeDefined();
  await expect(look(meaning('10.0.0.7'), false)).resolves.toBe('10.0.0.7');
  await expect(connect('tools.example', safeLookup(meaning('127.0.0.1')))).rejects.toThrow('ECONNREFUSED');
});
