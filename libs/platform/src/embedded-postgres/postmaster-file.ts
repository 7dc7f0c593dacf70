import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a running PostgreSQL says of itself in `postmaster.pid` (PostgreSQL 18, miscadmin.h: one fact a line). */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

/** The file of a data folder, running or left behind; `undefined` when there is none or it is not written to its end yet. */
export const readPostmasterFile = (clusterFolder: string): PostmasterFile | undefined => {
  let lines: readonly string[];
  try {
    lines = readFileSync(postmasterFileOf(clusterFolder), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 0 || !Number.isInteger(port)) return undefined;
  return { pid, port, ready: lines[7]?.trim() === 'ready' };
};

export const postmasterFileOf = (clusterFolder: string): string => join(clusterFolder, 'postmaster.pid');

/** Whether a process of this id exists, whoever it belongs to. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};
