import { openSessionId, type SessionBinding } from '@sallyport/mcp';
import type { Sealer } from '@sallyport/platform';
import { LRUCache } from 'lru-cache';

const OPENED_MAX = 4_096;

/** A session id that a client brought, opened. */
export interface OpenedSession {
  /** The upstream's own id. */
  readonly upstreamSession: string;
  /** Keyed digest of it and its server, for the record. */
  readonly digest: string;
}

/**
 * Opens session ids, each once. What one opens to hangs on its text, on whom and what it is bound to, and on keys that stay as long as the process:
 * what is remembered is what would be found again. A text that does not open is remembered by nobody.
 */
export class OpenedSessions {
  private readonly opened = new LRUCache<string, OpenedSession>({ max: OPENED_MAX });

  constructor(private readonly sealer: Pick<Sealer, 'seal' | 'open' | 'keyedDigest'>) {}

  /** Throws `session.unknown` as `openSessionId` does. */
  open(sealed: string, binding: SessionBinding): OpenedSession {
    const { tenantId, issuer, subject, actor, server } = binding;
    const key = JSON.stringify([tenantId, issuer, subject, actor, server, sealed]);
    const known = this.opened.get(key);
    if (known !== undefined) return known;
    const upstreamSession = openSessionId(this.sealer, sealed, binding);
    const digest = this.sealer.keyedDigest(tenantId, 'session', JSON.stringify([server, upstreamSession]));
    const session = { upstreamSession, digest };
    this.opened.set(key, session);
    return session;
  }
}
