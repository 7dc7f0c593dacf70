import { expect, test } from 'vitest';
import { refusesSocket } from './socket.js';

test.each([
  'WARNING:  could not create Unix-domain socket in directory "/data"\nFATAL:  could not create any Unix-domain sockets',
  'LOG:  could not bind Unix address "/data/.s.PGSQL.41234": Operation not supported',
  'FATAL:  could not create lock file "/data/.s.PGSQL.41234.lock": Operation not supported',
])('PostgreSQL goes without a socket where it cannot have one: %j', (printed) => expect(refusesSocket(printed)).toBe(true));

test('a start that failed for another reason is tried again with the socket, whose address others hold', () => {
  const printed = [
    'LOG:  listening on IPv4 address "127.0.0.1", port 41234',
    'LOG:  listening on Unix socket "/data/.s.PGSQL.41234"',
    'FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use',
  ].join('\n');
  expect(refusesSocket(printed)).toBe(false);
});
