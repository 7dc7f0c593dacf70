import { AppError } from '@sallyport/contracts';

/** What a session id is sealed with: the platform's sealer fits. */
export interface SessionSealer {
  seal(tenantId: string, plaintext: string, context: string): string;
  open(tenantId: string, sealed: string, context: string): Uint8Array;
}

/** Whom and what a session belongs to. */
export interface SessionBinding {
  readonly tenantId: string;
  readonly subject: string;
  readonly actor: string;
  readonly issuer: string;
  readonly server: string;
}

/** A header value must be visible ASCII (2025-11-25, session management); the sealed form is longer than the upstream's own by a few dozen bytes. */
const VISIBLE_ASCII = /^[\x21-\x7e]{1,2048}$/;

const contextOf = (binding: SessionBinding): string =>
  JSON.stringify(['mcp-session', binding.tenantId, binding.issuer, binding.subject, binding.actor, binding.server]);

/**
 * Seals an upstream's session id for the client, bound to the principal and the server: any replica can open it, nobody else can use it.
 * Throws `upstream.answer-invalid` when the upstream's id is not visible ASCII of at most 2048 characters.
 */
export const sealSessionId = (sealer: SessionSealer, session: SessionBinding & { readonly upstreamSession: string }): string => {
  if (!VISIBLE_ASCII.test(session.upstreamSession))
    throw new AppError('upstream.answer-invalid', `upstream ${session.server} gave a session id that no header can carry`);
  return Buffer.from(sealer.seal(session.tenantId, session.upstreamSession, contextOf(session)), 'utf8').toString('base64url');
};

/** The upstream's session id. Throws `session.unknown` when the value was altered, or was sealed for another principal, tenant or server. */
export const openSessionId = (sealer: SessionSealer, sealed: string, binding: SessionBinding): string => {
  try {
    const text = Buffer.from(sealer.open(binding.tenantId, Buffer.from(sealed, 'base64url').toString('utf8'), contextOf(binding))).toString(
      'utf8',
    );
    if (VISIBLE_ASCII.test(text)) return text;
  } catch (cause) {
    throw new AppError('session.unknown', `a session id for ${binding.server} could not be opened`, { cause });
  }
  throw new AppError('session.unknown', `a session id for ${binding.server} opened to something else`);
};
