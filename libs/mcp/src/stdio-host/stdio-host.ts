import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { AppError } from '@sallyport/contracts';
import { rpcError } from '../answers/answers.js';
import { ChildFront, SecretCheck } from './host-front.js';
import { sendJson } from './http-exchange.js';
import { DEFAULT_HOST_LIMITS, type StdioHost, type StdioHostOptions } from './stdio-host-types.js';

const LOOPBACK = '127.0.0.1';

const pathOf = (tenantId: string, server: string): string => `/${encodeURIComponent(tenantId)}/${encodeURIComponent(server)}`;

/**
 * Runs stdio servers as supervised children and serves each at an address of its own as streamable HTTP of both eras, for whoever sends the
 * secret. Resolves when the port listens and every child was started once; `whenReady` tells when one takes requests. A child that is not
 * ready is answered for with 503 (nothing reached it), a request that dies with its child with 502.
 * Throws the system's error when the port cannot be had.
 */
export const startStdioHost = async (options: StdioHostOptions): Promise<StdioHost> => {
  const limits = { ...DEFAULT_HOST_LIMITS, ...options.limits };
  const secret = new SecretCheck(options.secret);
  const fronts = new Map<string, ChildFront>();
  for (const child of options.children)
    fronts.set(pathOf(child.tenantId, child.server), new ChildFront(child, limits, (event) => options.onEvent?.(event)));

  const refuse = (response: ServerResponse, error: AppError): void =>
    sendJson(response, error.definition.http, rpcError({ id: null, error, callId: null }));
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!secret.accepts(request))
      return refuse(response, new AppError('identity.token-invalid', 'the secret of the host is missing or wrong'));
    const front = fronts.get(new URL(request.url ?? '/', `http://${LOOPBACK}`).pathname);
    if (front === undefined) return refuse(response, new AppError('request.not-found', 'no such child'));
    await front.handle(request, response);
  };

  const http = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port ?? 0, options.host ?? LOOPBACK, () => {
      http.off('error', reject);
      resolve();
    });
  });
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  for (const front of fronts.values()) front.child.start();

  const pick = (server: string, tenantId?: string): ChildFront => {
    const found = [...fronts.values()].filter(
      ({ child: { child } }) => child.server === server && (tenantId === undefined || child.tenantId === tenantId),
    );
    const [front] = found;
    if (front === undefined || found.length > 1)
      throw new AppError('configuration.invalid', `${found.length === 0 ? 'no' : 'more than one'} stdio server ${server}`);
    return front;
  };

  return {
    port,
    url: (server, tenantId) => {
      const { child } = pick(server, tenantId).child;
      return new URL(`http://${options.host ?? LOOPBACK}:${port}${pathOf(child.tenantId, child.server)}`);
    },
    status: (server, tenantId) => pick(server, tenantId).child.status(),
    whenReady: (server, tenantId) => pick(server, tenantId).child.whenReady(),
    restart: (server, tenantId) => pick(server, tenantId).child.restart(),
    kill: (server, tenantId) => pick(server, tenantId).child.kill(),
    close: async () => {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      await Promise.all([...fronts.values()].map((front) => front.child.stop()));
      http.closeAllConnections();
      await closed;
    },
  };
};
