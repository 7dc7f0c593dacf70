import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { AppError } from '@sallyport/contracts';

/** 256 bits, as AES-256 and HMAC-SHA-256 want. */
export const ROOT_KEY_BYTES = 32;

/** One version of the root key. */
export interface RootKeyVersion {
  /** Names the version in every sealed value: 1 to 32 letters, digits, `-` or `_`. */
  readonly kid: string;
  readonly key: KeyObject;
}

/**
 * Where every other key comes from; where the root key itself comes from is an adapter's business (`rootKeyFromFile`,
 * `rootKeyFromEnvironment`, `rootKeyFromKms`).
 *
 * Versions, newest first. The first seals. All of them open, so a rotation puts a new version in front and keeps the old ones for as long
 * as what they sealed is needed; a version that is taken away makes everything sealed under it unreadable for ever, which is how data are
 * erased. The last makes the keyed digests: digests stay comparable over a rotation, and change when the last version is taken away.
 */
export interface RootKey {
  readonly versions: readonly [RootKeyVersion, ...RootKeyVersion[]];
}

const KID = /^[A-Za-z0-9_-]{1,32}$/;

/** Makes a root key of raw versions, newest first. Throws `configuration.invalid` for none, a repeated name or a key that is not 32 bytes. */
export const rootKeyOf = (versions: readonly { readonly kid: string; readonly bytes: Uint8Array }[], source: string): RootKey => {
  const invalid = (why: string): AppError => new AppError('configuration.invalid', `root key in ${source}: ${why}`);
  const made = versions.map(({ kid, bytes }): RootKeyVersion => {
    if (!KID.test(kid)) throw invalid('the name of a version is 1 to 32 letters, digits, "-" or "_"');
    if (bytes.byteLength !== ROOT_KEY_BYTES) throw invalid(`version ${kid} has ${bytes.byteLength} bytes, not ${ROOT_KEY_BYTES}`);
    return { kid, key: createSecretKey(bytes) };
  });
  const repeated = made.find(({ kid }, index) => made.findIndex((other) => other.kid === kid) !== index);
  if (repeated !== undefined) throw invalid(`version ${repeated.kid} is there twice`);
  const [first, ...rest] = made;
  if (first === undefined) throw invalid('it holds no key');
  return { versions: [first, ...rest] };
};

/**
 * Reads versions as text, newest first, separated by line breaks, spaces or commas: `<kid>:<key>`, or the key alone, which is then named
 * after its digest. A key is 32 bytes in base64url or base64. Lines that start with `#` are comments.
 */
export const parseRootKey = (text: string, source: string): RootKey =>
  rootKeyOf(
    text
      .split('\n')
      .filter((line) => !line.trimStart().startsWith('#'))
      .flatMap((line) => line.split(/[\s,]+/))
      .filter((version) => version !== '')
      .map((version) => {
        const colon = version.indexOf(':');
        const bytes = Buffer.from(version.slice(colon + 1), 'base64url');
        return { kid: colon > 0 ? version.slice(0, colon) : kidOf(bytes), bytes };
      }),
    source,
  );

/** A name that says nothing of the key: 64 bits of a digest over 256 random ones. */
export const kidOf = (bytes: Uint8Array): string =>
  createHash('sha256').update('sallyport root key id\0').update(bytes).digest('hex').slice(0, 16);
