import { readFile, stat } from 'node:fs/promises';
import { AppError } from '@sallyport/contracts';
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet } from 'jose';
import type { Clock } from '../clock/clock.port.js';
import type { KeySet } from './key-set.port.js';

const COOLDOWN_MS = 30_000;
const CACHE_MS = 600_000;
const FETCH_TIMEOUT_MS = 5_000;
const LOOK_AGAIN_MS = 1_000;

/** Keys an issuer publishes: kept ten minutes, fetched again for an unknown key at most every 30 s, so that strangers' tokens cause no storm. */
export const remoteKeySet = (url: string): KeySet =>
  createRemoteJWKSet(new URL(url), { cooldownDuration: COOLDOWN_MS, cacheMaxAge: CACHE_MS, timeoutDuration: FETCH_TIMEOUT_MS });

/** Keys at hand. */
export const localKeySet = (keys: JSONWebKeySet): KeySet => createLocalJWKSet(keys);

/** Keys in a file, read again when the file changes; looked at once a second at most. Throws `identity.keys-unavailable`. */
export const fileKeySet = (path: string, clock: Clock): KeySet => {
  let keys: ReturnType<typeof createLocalJWKSet> | null = null;
  let changedAtMs = 0;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  const current = async (): Promise<ReturnType<typeof createLocalJWKSet>> => {
    if (keys !== null && clock.monotonicMs() - lookedAtMs < LOOK_AGAIN_MS) return keys;
    try {
      const { mtimeMs } = await stat(path);
      if (keys === null || mtimeMs !== changedAtMs) {
        const set: JSONWebKeySet = JSON.parse(await readFile(path, 'utf8'));
        keys = createLocalJWKSet(set);
        changedAtMs = mtimeMs;
      }
      lookedAtMs = clock.monotonicMs();
      return keys;
    } catch (cause) {
      if (keys !== null) return keys;
      throw new AppError('identity.keys-unavailable', `the key set ${path} cannot be read`, { cause });
    }
  };
  return async (header, token) => (await current())(header, token);
};
