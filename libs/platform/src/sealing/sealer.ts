import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { AppError } from '@sallyport/contracts';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock/clock.port.js';
import { ROOT_KEY_BYTES, type RootKey } from './root-key.port.js';

/** Closes values so that only who has the root key opens them. Synchronous, a few microseconds a call. */
export interface Sealer {
  /**
   * AES-256-GCM under the tenant's key of the day (UTC). `context` says what the value belongs to, e.g. a call id, and is needed to open it
   * again; it is bound, not stored. Two seals of one value differ.
   */
  seal(tenantId: string, plaintext: string | Uint8Array, context: string): string;
  /** The bytes that were sealed for this tenant and context. Throws `sealing.open-failed` for anything else, without saying which part failed. */
  open(tenantId: string, sealed: string, context: string): Buffer;
  /**
   * HMAC-SHA-256 under a key of this tenant and purpose, base64url, 43 characters. Equal bytes give equal digests within one tenant and
   * purpose and across days and rotations, and tell nothing across tenants or purposes.
   */
  keyedDigest(tenantId: string, purpose: string, bytes: string | Uint8Array): string;
}

export interface SealerOptions {
  readonly rootKey: RootKey;
  /** Says the day a value is sealed on. */
  readonly clock: Clock;
}

/** Keys kept ready: deriving one costs 20 times a use of it, and a key object is 200 bytes. */
const CACHED_KEYS_MAX = 4_096;
/** NIST SP 800-38D, section 8.2.2: 96 random bits, safe for 2^32 values a key; a key lasts one tenant's day. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^v1\.([A-Za-z0-9_-]{1,32})\.(\d{8})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)$/;

/** A list of texts as bytes, so that no two lists give the same. */
const unambiguous = (...parts: readonly string[]): Buffer => Buffer.from(JSON.stringify(parts));

const openFailed = (why: string, cause?: unknown): AppError => new AppError('sealing.open-failed', why, { cause });

/** Decodes base64url that is written in the one way an encoder writes it: otherwise a changed last character could go unnoticed. */
const decode = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw openFailed('the sealed value is not well formed');
  return bytes;
};

/** Opens a sealer. A sealed value reads `v1.<kid>.<yyyymmdd>.<iv>.<ciphertext and tag>`; the format is public, a second one gets `v2`. */
export const openSealer = ({ rootKey, clock }: SealerOptions): Sealer => {
  const roots = new Map(rootKey.versions.map(({ kid, key }) => [kid, key]));
  const [newest] = rootKey.versions;
  const oldest = rootKey.versions.at(-1) ?? newest;
  const keys = new LRUCache<string, KeyObject>({ max: CACHED_KEYS_MAX });

  /** RFC 5869, with a label for each kind of key. */
  const derive = (root: KeyObject, kid: string, ...label: readonly string[]): KeyObject => {
    let name = kid;
    for (const part of label) name += `.${part.length}:${part}`;
    const known = keys.get(name);
    if (known !== undefined) return known;
    const derived = hkdfSync('sha256', root, '', unambiguous('sallyport', ...label), ROOT_KEY_BYTES);
    const key = createSecretKey(Buffer.from(derived));
    keys.set(name, key);
    return key;
  };

  const boundTo = (kid: string, day: string, tenantId: string, context: string): Buffer =>
    unambiguous('sallyport.sealed.v1', kid, day, tenantId, context);

  return {
    seal: (tenantId, plaintext, context) => {
      const day = clock.nowIso().slice(0, 10).replaceAll('-', '');
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', derive(newest.key, newest.kid, 'seal', day, tenantId), iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(newest.kid, day, tenantId, context));
      const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext;
      const closed = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
      return `v1.${newest.kid}.${day}.${iv.toString('base64url')}.${closed.toString('base64url')}`;
    },

    open: (tenantId, sealed, context) => {
      const [, kid = '', day = '', ivText = '', closedText = ''] = SEALED.exec(sealed) ?? [];
      const root = roots.get(kid);
      if (root === undefined) throw openFailed(kid === '' ? 'the sealed value is not well formed' : `there is no root key version ${kid}`);
      const iv = decode(ivText);
      const closed = decode(closedText);
      if (closed.length < TAG_BYTES) throw openFailed('the sealed value is too short');
      const decipher = createDecipheriv('aes-256-gcm', derive(root, kid, 'seal', day, tenantId), iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(kid, day, tenantId, context));
      decipher.setAuthTag(closed.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(closed.subarray(0, -TAG_BYTES)), decipher.final()]);
      } catch (error) {
        throw openFailed('the sealed value was altered, or belongs to another tenant or context', error);
      }
    },

    keyedDigest: (tenantId, purpose, bytes) =>
      createHmac('sha256', derive(oldest.key, oldest.kid, 'digest', purpose, tenantId))
        .update(bytes)
        .digest('base64url'),
  };
};
