import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What macOS takes, the least of all systems; Linux takes four more. */
const SOCKET_PATH_BYTES_MAX = 103;
const PREFIX = '.s.PGSQL.';
const LONGEST_PORT = 65_535;

const socketOf = (dataFolder: string, port: number): string => join(dataFolder, `${PREFIX}${port}`);

/**
 * Whether a server of this folder can have a socket in it: its path has room in an address, and PostgreSQL, which takes a list of folders, reads it as
 * one. Otherwise it is reached by TCP alone.
 */
export const hasSocket = (dataFolder: string): boolean =>
  process.platform !== 'win32' &&
  /^[^",]*$/.test(dataFolder) &&
  dataFolder === dataFolder.trim() &&
  Buffer.byteLength(socketOf(dataFolder, LONGEST_PORT)) <= SOCKET_PATH_BYTES_MAX;

/** Whether the server that listens on this port of TCP has its socket in the folder. */
export const isSocketThere = (dataFolder: string, port: number): boolean => hasSocket(dataFolder) && existsSync(socketOf(dataFolder, port));

/** Removes the sockets that killed servers left, each under a port of its own. Whoever calls it owns the server of the folder, and there is one. */
export const removeOtherSockets = (dataFolder: string, port: number): void => {
  const own = `${PREFIX}${port}`;
  for (const name of readdirSync(dataFolder)) {
    if (name.startsWith(PREFIX) && name !== own && name !== `${own}.lock`) rmSync(join(dataFolder, name), { force: true });
  }
};

/** Whether what PostgreSQL printed says that it cannot have a socket here: the file system of a network or of another system takes none. */
export const refusesSocket = (printed: string): boolean => /could not [^\n]*(?:Unix|\.s\.PGSQL\.)/.test(printed);
