import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../logging/logger.js';
import { quietTelemetry } from '../telemetry/telemetry.js';
import { ConnectionFaults } from './connection-faults.js';
import { noteRefusal } from './refused-requests.js';
import type { Rejection } from './rejection.port.js';
import { TurnedAway } from './turned-away.js';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A server that answers by a function; what it turns away is written down. */
const serve = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
  const noted: Rejection[] = [];
  const turnedAway = new TurnedAway({ telemetry: quietTelemetry(), logger: createLogger('edge-gateway', { level: 'silent' }) });
  turnedAway.recordIn(() => ({
    record: async (rejection) => {
      noted.push(rejection);
    },
  }));
  const faults = new ConnectionFaults(turnedAway);
  const server = createServer(answer);
  faults.watch(server);
  server.on('clientError', (fault, socket) => faults.handle(fault, socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, noted };
};

/** Everything that comes back for what is sent, after which the sender sends no more. */
const sendAll = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    let told = '';
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setEncoding('utf8').on('data', (more: string) => {
      told += more;
    });
    socket.once('close', () => resolve(told)).once('error', () => undefined);
    socket.end(text);
  });
const BROKEN = 'PUT /nowhere HTTP/1.1\r\nHost: here\r\nContent-Length: 500\r\n\r\n{';

test('a body that breaks off is the fault of its request: its handler sees it, and nobody else notes it', async () => {
  const seen: unknown[] = [];
  const { port, noted } = await serve((request) => request.on('error', (error) => seen.push(error)).resume());
  expect(await sendAll(port, BROKEN)).toContain('"code":"request.invalid"');
  expect(seen).toMatchObject([{ code: 'request.invalid' }]);
  expect(noted).toEqual([]);
});

test('a request that was refused before its body broke off is told that refusal, and no other', async () => {
  let broken: () => void = () => {};
  const breaks = new Promise<void>((resolve) => (broken = resolve));
  const { port, noted } = await serve((request, response) => {
    noteRefusal(request);
    request.on('error', () => undefined).resume();
    request.socket.once('end', broken);
    void breaks.then(() => response.writeHead(404).end('refused before'));
  });
  const told = await sendAll(port, BROKEN);
  expect(told).toMatch(/^HTTP\/1\.1 404 /);
  expect(told).toContain('refused before');
  expect(told).not.toContain('request.invalid');
  expect(noted).toEqual([]);
});

test('what is no HTTP at all is told so and noted', async () => {
  const { port, noted } = await serve(() => undefined);
  expect(await sendAll(port, 'hello\r\n\r\n')).toContain('"code":"request.invalid"');
  expect(noted).toMatchObject([{ code: 'request.invalid', httpStatus: 400 }]);
});
