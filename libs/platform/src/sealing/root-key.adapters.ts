import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@sallyport/contracts';
import { kidOf, parseRootKey, ROOT_KEY_BYTES, type RootKey, rootKeyOf } from './root-key.port.js';

export interface RootKeyFileOptions {
  /** Makes the file, mode 0600, with one new random version when there is none. For the embedded default only: elsewhere a missing key is a fault. */
  readonly createWhenMissing?: boolean;
}

const EXPLANATION = `# Root key of Sallyport: everything sealed and every keyed digest depends on it. Keep a copy; whoever has it reads sealed arguments.
# One version a line, newest first: the first seals, all open. Put a new one in front to rotate; removing one erases what it sealed.
`;

/**
 * Reads the root key from a file that other accounts cannot read. Of two processes that make it at once, both read the same key.
 * Throws `configuration.invalid` when the file is missing, open to others or not a root key.
 */
export const rootKeyFromFile = (path: string, options: RootKeyFileOptions = {}): RootKey => {
  if (options.createWhenMissing === true && !existsSync(path)) createFile(path);
  let text: string;
  try {
    if ((statSync(path).mode & 0o007) !== 0)
      throw new AppError('configuration.invalid', `root key in ${path}: other accounts can read it; chmod 600 it`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('configuration.invalid', `root key in ${path}: the file cannot be read`, { cause: error });
  }
  return parseRootKey(text, path);
};

const createFile = (path: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  const key = randomBytes(ROOT_KEY_BYTES);
  const unfinished = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const file = openSync(unfinished, 'wx', 0o600);
  try {
    writeSync(file, `${EXPLANATION}${kidOf(key)}:${key.toString('base64url')}\n`);
    // Data sealed under a key that a power cut then forgets would be lost.
    fsyncSync(file);
    linkSync(unfinished, path);
  } catch (error) {
    if (!existsSync(path)) throw new AppError('configuration.invalid', `root key in ${path}: the file cannot be made`, { cause: error });
  } finally {
    closeSync(file);
    rmSync(unfinished, { force: true });
  }
};

/** Reads the root key from an environment variable, e.g. one that an orchestrator fills from its secret store. Throws `configuration.invalid`. */
export const rootKeyFromEnvironment = (name: string, env: Readonly<Record<string, string | undefined>> = process.env): RootKey => {
  const text = env[name];
  if (text === undefined || text === '') throw new AppError('configuration.invalid', `root key in ${name}: the variable is not set`);
  return parseRootKey(text, name);
};

/**
 * What a key management service does for us: it keeps a wrapping key that never leaves it, and unwraps our root key once per process start
 * (envelope encryption). AWS KMS `Decrypt`, Google Cloud KMS `decrypt`, Azure `unwrapKey` and Vault's transit engine fit.
 */
export interface KeyManagementService {
  /** The 32 bytes of one version; rejects when the service refuses or does not answer. */
  unwrap(version: WrappedRootKeyVersion): Promise<Uint8Array>;
}

export interface WrappedRootKeyVersion {
  readonly kid: string;
  /** As the service gave it when the version was wrapped. Not secret. */
  readonly wrapped: string;
}

/** Unwraps every version, newest first. Rejects with what the service said; throws `configuration.invalid` when the bytes are no root key. */
export const rootKeyFromKms = async (service: KeyManagementService, versions: readonly WrappedRootKeyVersion[]): Promise<RootKey> =>
  rootKeyOf(
    await Promise.all(versions.map(async (version) => ({ kid: version.kid, bytes: await service.unwrap(version) }))),
    'the key management service',
  );
