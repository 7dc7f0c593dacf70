import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError } from '@sallyport/contracts';

/** The system account that PostgreSQL runs under; `undefined` means our own. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

interface Account extends RunAs {
  readonly name: string;
}

const readAccounts = (): readonly Account[] => {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
      .filter((account) => Number.isInteger(account.uid) && Number.isInteger(account.gid));
  } catch {
    return [];
  }
};

/**
 * Picks the account: our own unless we are root, which PostgreSQL refuses; then the owner of the folder (or of the nearest one above it
 * that exists) where that is somebody else, else `nobody`. The account must be listed in /etc/passwd, or initdb refuses it.
 */
export const accountFor = (folder: string): RunAs | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readAccounts();
  const owner = nearestOwner(folder);
  const account = accounts.find(({ uid }) => uid === owner && uid !== 0) ?? accounts.find(({ name, uid }) => name === 'nobody' && uid > 0);
  if (account === undefined) {
    throw new AppError(
      'store.start-failed',
      'PostgreSQL refuses to run as root and there is no account "nobody" to run it as: start as another user, or set DATABASE_URL',
    );
  }
  return { uid: account.uid, gid: account.gid };
};

const nearestOwner = (folder: string): number => {
  for (let at = resolve(folder); ; at = dirname(at)) {
    try {
      return statSync(at).uid;
    } catch {
      if (at === dirname(at)) return 0;
    }
  }
};

/** The first folder on the way to `path` (itself included) that the account may not enter; `undefined` when the way is open. */
export const closedFolderOnTheWay = (path: string, { uid, gid }: RunAs): string | undefined => {
  const folders: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    folders.unshift(at);
    if (at === dirname(at)) break;
  }
  return folders.find((folder) => {
    const stat = statSync(folder);
    const bit = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001;
    return (stat.mode & bit) === 0;
  });
};

/** Throws `store.start-failed`, naming the folder and the cure, when the account cannot reach `path`. */
export const assertReachable = (path: string, account: RunAs | undefined): void => {
  if (account === undefined) {
    accessSync(path, constants.X_OK);
    return;
  }
  const closed = closedFolderOnTheWay(path, account);
  if (closed === undefined) return;
  throw new AppError(
    'store.start-failed',
    `PostgreSQL refuses to run as root, and other accounts may not enter ${closed}: run "chmod o+x ${closed}", or move the project, or start as another user, or set DATABASE_URL`,
  );
};
