import type { Claimed, Principal } from '@sallyport/contracts';
import { maskText } from '@sallyport/domain';
import { LRUCache } from 'lru-cache';

/** Digests under a tenant's key; the platform's sealer fits. */
export interface KeyedDigests {
  keyedDigest(tenantId: string, purpose: string, bytes: string | Uint8Array): string;
}

/**
 * The chain a call belongs to: the workflow verified in the token, else the root subject and the root actor. What an agent merely says is a
 * label: it could shed its taint and its limits by saying something else.
 */
export const chainIdOf = (digests: KeyedDigests, principal: Principal): string => {
  const identity =
    principal.workflow === null
      ? ['principal', principal.issuer, principal.subject, principal.actors.at(-1) ?? null]
      : ['workflow', principal.issuer, principal.workflow];
  return digests.keyedDigest(principal.tenantId, 'chain', JSON.stringify(identity));
};

const BOUNDS: Readonly<Record<keyof Claimed, number>> = {
  model: 256,
  prompt: 4096,
  intent: 1024,
  workflow: 256,
  session: 256,
  client: 256,
};

const CLEAN_MAX = 4_096;
/** Texts that come again with every call of a session or a client, and in which nothing was found: what holds a secret is kept by nobody. */
const clean = new LRUCache<string, true>({ max: CLEAN_MAX });

const maskRepeated = (text: string): string => {
  if (clean.get(text) === true) return text;
  const masked = maskText(text);
  if (masked === text) clean.set(text, true);
  return masked;
};

/** What an agent says of itself, bounded and with secrets masked. Anything but a text counts as not said. */
export const claimedOf = (said: { readonly [Field in keyof Claimed]?: unknown }): Claimed => {
  const text = (field: keyof Claimed, mask: (text: string) => string = maskText): string | null => {
    const value = said[field];
    if (typeof value !== 'string' || value === '') return null;
    return mask(value.slice(0, BOUNDS[field])).slice(0, BOUNDS[field]);
  };
  return {
    model: text('model'),
    prompt: text('prompt'),
    intent: text('intent'),
    workflow: text('workflow'),
    session: text('session', maskRepeated),
    client: text('client', maskRepeated),
  };
};
