// Development only: the product behind Vite's server, with a token of the development issuer in place of a login.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const GATEWAY = process.env.SALLYPORT_URL ?? 'http://127.0.0.1:8080';
const PERSON = process.env.SALLYPORT_PERSON ?? 'grace';
const TOKEN_LIFETIME_MS = 5 * 60_000;

const cli = fileURLToPath(new URL('../../cli/bin/sallyport.mjs', import.meta.url));

let token = '';
let madeAt = 0;
const tokenInForce = (): string => {
  if (Date.now() - madeAt > TOKEN_LIFETIME_MS) {
    token = process.env.SALLYPORT_TOKEN ?? execFileSync(process.execPath, [cli, 'token', PERSON], { encoding: 'utf8' }).trim();
    madeAt = Date.now();
  }
  return token;
};

/** Proxies everything but the console itself to a running gateway, as `SALLYPORT_PERSON` (default grace). */
export const developmentGateway = (): Plugin => ({
  name: 'development-gateway',
  config: () => ({
    server: {
      proxy: {
        '/v1': {
          target: GATEWAY,
          changeOrigin: true,
          configure: (proxy) =>
            proxy.on('proxyReq', (request) => {
              request.setHeader('authorization', `Bearer ${tokenInForce()}`);
              request.removeHeader('origin');
            }),
        },
      },
    },
  }),
  configureServer: (server) => {
    server.middlewares.use('/console/session', (_request, response) => {
      const [, payload = ''] = tokenInForce().split('.');
      const claims: { sub: string; scope?: string; exp: number; sallyport_tenant?: string } = JSON.parse(
        Buffer.from(payload, 'base64url').toString('utf8'),
      );
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          subject: `user:${claims.sub}`,
          name: claims.sub,
          tenantId: claims.sallyport_tenant ?? 'demo',
          roles: ['viewer', 'approver', 'operator', 'admin'],
          scopes: claims.scope?.split(' ') ?? [],
          csrfToken: 'development',
          expiresAt: new Date(claims.exp * 1_000).toISOString(),
          renewBefore: new Date(claims.exp * 1_000).toISOString(),
        }),
      );
    });
  },
});
