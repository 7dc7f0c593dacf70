import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { ReplyStream } from './reply-stream.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server that answers every request with `body`, whole; `sent` resolves when the answer counts as sent. */
const given = async (body: string): Promise<{ ask: () => Promise<Socket>; sent: Promise<void> }> => {
  const server: FastifyInstance = Fastify({ forceCloseConnections: true });
  closing.push(() => server.close());
  const sent = new Promise<void>((resolve) => {
    server.get('/', (_request, reply) => {
      reply.header('vary', 'origin');
      new ReplyStream(reply).whole(200, 'c-1', { 'content-type': 'application/json' }, body).then(resolve);
    });
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  const address = server.server.address();
  const ask = async (): Promise<Socket> => {
    const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
    closing.push(() => socket.destroy());
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    return socket;
  };
  return { ask, sent };
};

const wholeOf = async (socket: Socket, bytes: number): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of socket) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= bytes) break;
  }
  return Buffer.concat(chunks).toString();
};

test('a whole answer says how long it is, and keeps what was set before', async () => {
  const { ask, sent } = await given('"Grüße"');
  const text = await wholeOf(await ask(), 1);
  await sent;
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  for (const line of ['vary: origin', 'content-type: application/json', 'content-length: 9', 'cache-control: private, no-store'])
    expect(text).toContain(`${line}\r\n`);
  expect(text.toLowerCase()).toContain('sallyport-call-id: c-1\r\n');
  expect(text.toLowerCase()).not.toContain('transfer-encoding');
  expect(text.endsWith('\r\n\r\n"Grüße"')).toBe(true);
});

test('a large answer counts as sent when its client has taken it', async () => {
  const body = JSON.stringify('x'.repeat(16 * 1024 * 1024));
  const { ask, sent } = await given(body);
  const socket = await ask();
  await once(socket, 'readable');
  let isSent = false;
  const told = sent.then(() => {
    isSent = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isSent).toBe(false);
  expect((await wholeOf(socket, body.length)).endsWith('x"')).toBe(true);
  await told;
});

test('an answer whose client goes away is waited for no longer', async () => {
  const { ask, sent } = await given(JSON.stringify('x'.repeat(16 * 1024 * 1024)));
  const socket = await ask();
  await once(socket, 'readable');
  socket.destroy();
  await expect(sent).resolves.toBeUndefined();
});
