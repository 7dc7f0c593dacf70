import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@sallyport/contracts';
import type { PostgresBinaries } from './binaries.js';
import { folderFault } from './folder-fault.js';
import { isAlive } from './postmaster-file.js';
import type { RunAs } from './run-as.js';

/** The superuser of the embedded cluster. */
export const SUPERUSER = 'sallyport';

/** What initdb writes, with room for the first WAL segments. */
const BYTES_NEEDED = 96 * 1024 * 1024;

const PASSWORD_FILE = 'sallyport-password';

/** PostgreSQL's own data folder within ours. */
export const clusterFolderOf = (dataFolder: string): string => join(dataFolder, 'cluster');

export const isInitialized = (dataFolder: string): boolean => existsSync(join(clusterFolderOf(dataFolder), 'PG_VERSION'));

/** The environment of PostgreSQL's programs: nothing of ours, which may hold secrets. glibc gives back large buffers that are freed. */
export const POSTGRES_ENVIRONMENT: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', MALLOC_MMAP_THRESHOLD_: '131072' };

/**
 * Makes the cluster: a superuser with a random password that stands in a file of mode 0600 within the cluster, UTF-8, a collation that no
 * system upgrade changes. Made beside and then renamed, so that a start that was killed leaves no half of one; of two that race, one wins.
 */
export const initializeCluster = async (dataFolder: string, binaries: PostgresBinaries, account: RunAs | undefined): Promise<void> => {
  sweepUnfinished(dataFolder);
  const { bavail, bsize } = statfsSync(dataFolder);
  if (bavail * bsize < BYTES_NEEDED) throw folderFault(dataFolder, 'No space left on device');
  const password = randomBytes(24).toString('base64url');
  const unfinished = join(dataFolder, `unfinished-${process.pid}-${randomBytes(4).toString('hex')}`);
  const passwordFile = `${unfinished}.password`;
  try {
    mkdirSync(unfinished, { mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
    if (account !== undefined) for (const path of [unfinished, passwordFile]) chownSync(path, account.uid, account.gid);
    await runInitdb(binaries.initdb, unfinished, passwordFile, account);
    renameSync(passwordFile, join(unfinished, PASSWORD_FILE));
    renameSync(unfinished, clusterFolderOf(dataFolder));
  } catch (error) {
    if (!isInitialized(dataFolder)) throw folderFault(dataFolder, error);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(unfinished, { recursive: true, force: true });
  }
};

/** Removes what starts that were killed left behind; another start that works at it now is left alone. */
const sweepUnfinished = (dataFolder: string): void => {
  for (const name of readdirSync(dataFolder)) {
    const owner = /^unfinished-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) rmSync(join(dataFolder, name), { recursive: true, force: true });
  }
};

const runInitdb = (initdb: string, folder: string, passwordFile: string, account: RunAs | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      initdb,
      [
        `--pgdata=${folder}`,
        `--username=${SUPERUSER}`,
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--data-checksums',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: POSTGRES_ENVIRONMENT, ...account },
    );
    const said: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.join('') || `initdb ended with ${code}`))));
  });

/** Throws `store.start-failed` when the cluster was made by another major version, whose files these binaries cannot read. */
export const assertVersionFits = (dataFolder: string, binaries: PostgresBinaries): void => {
  const version = readFileSync(join(clusterFolderOf(dataFolder), 'PG_VERSION'), 'utf8').trim();
  if (version === binaries.majorVersion) return;
  throw new AppError(
    'store.start-failed',
    `${dataFolder} was written by PostgreSQL ${version} and this is ${binaries.majorVersion}: dump it with the older release, or move the folder away`,
  );
};

export const readPassword = (dataFolder: string): string => {
  try {
    return readFileSync(join(clusterFolderOf(dataFolder), PASSWORD_FILE), 'utf8');
  } catch (error) {
    throw folderFault(dataFolder, error);
  }
};
