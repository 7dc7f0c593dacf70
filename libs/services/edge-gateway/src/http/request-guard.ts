import type { IncomingMessage } from 'node:http';
import { AppError } from '@sallyport/contracts';
import type { EdgeSettings } from '../edge-settings.js';

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

const CORS = {
  vary: 'origin',
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers':
    'authorization, content-type, accept, last-event-id, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name, idempotency-key, sallyport-model, sallyport-prompt, sallyport-intent, sallyport-workflow, traceparent',
  'access-control-expose-headers': 'mcp-session-id, www-authenticate, sallyport-call-id',
  'access-control-max-age': '600',
} as const;

const hostOf = (authority: string): string => authority.replace(/:\d+$/, '').toLowerCase();

/**
 * Checks that a request was meant for this gateway and comes from no foreign web page (MCP 2025-11-25 and 2026-07-28, DNS rebinding). A Host
 * without a port matches any; loopback names are served where the public URL is a loopback one.
 */
export class RequestGuard {
  private readonly hosts: ReadonlySet<string>;
  private readonly origins: ReadonlySet<string>;
  private readonly isLocal: boolean;

  constructor(settings: Pick<EdgeSettings, 'publicUrl' | 'allowedHosts' | 'allowedOrigins'>) {
    const own = new URL(settings.publicUrl);
    this.isLocal = LOOPBACK.includes(own.hostname);
    this.hosts = new Set([own.host, ...settings.allowedHosts].map((host) => host.toLowerCase()));
    this.origins = new Set([own.origin, ...settings.allowedOrigins.map((origin) => new URL(origin).origin)]);
  }

  /** Headers that let a page of an allowed origin read the answer (Fetch, CORS protocol); none for a request that comes from no page. */
  corsHeaders(origin: string | undefined): Readonly<Record<string, string>> {
    return origin === undefined || !this.isOwnOrigin(origin) ? {} : { ...CORS, 'access-control-allow-origin': origin };
  }

  /** Throws `request.host-refused`, `request.origin-refused`, and `identity.token-invalid` for a token in the address (RFC 6750, section 5.3). */
  check({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): void {
    if (!this.isServed(headers.host)) throw new AppError('request.host-refused', 'the Host header names no address of this gateway');
    const { origin } = headers;
    if (origin !== undefined && !this.isOwnOrigin(origin)) throw new AppError('request.origin-refused', 'the Origin is foreign');
    if (/[?&]access_token=/i.test(url)) {
      const description = 'tokens in the address are refused';
      throw new AppError('identity.token-invalid', description, { detail: { description } });
    }
  }

  private isServed(host: string | undefined): boolean {
    if (host === undefined) return false;
    const name = host.toLowerCase();
    return this.hosts.has(name) || this.hosts.has(hostOf(name)) || (this.isLocal && LOOPBACK.includes(hostOf(name)));
  }

  private isOwnOrigin(origin: string): boolean {
    if (this.origins.has(origin)) return true;
    if (!this.isLocal || !URL.canParse(origin)) return false;
    const { protocol, hostname, port } = new URL(origin);
    // A page of another local port is another program; the gateway's own console may be opened under any loopback name.
    return LOOPBACK.includes(hostname) && [...this.origins].some((own) => new URL(own).port === port && new URL(own).protocol === protocol);
  }
}
