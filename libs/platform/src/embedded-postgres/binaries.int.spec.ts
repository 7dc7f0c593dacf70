import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assertPlatformRuns, restoreSymlinks } from './binaries.js';
import { folderFault } from './folder-fault.js';
import { assertReachable, closedFolderOnTheWay } from './run-as.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-binaries-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['a musl system', { os: 'linux', cpu: 'x64', glibc: undefined }, /musl.*DATABASE_URL/],
  ['an old C library', { os: 'linux', cpu: 'x64', glibc: '2.17' }, /2\.27.*2\.17.*DATABASE_URL/],
  ['another operating system', { os: 'win32', cpu: 'x64', glibc: undefined }, /win32-x64.*DATABASE_URL/],
])('%s is told in one line to bring a PostgreSQL of its own', (_what, platform, line) => {
  expect(() => assertPlatformRuns(platform)).toThrow(
    expect.objectContaining({ code: 'store.platform-unsupported', message: expect.stringMatching(line) }),
  );
});

test('a C library that is new enough, also of two digits, and macOS run it', () => {
  for (const glibc of ['2.27', '2.41', '3.0']) expect(() => assertPlatformRuns({ os: 'linux', cpu: 'arm64', glibc })).not.toThrow();
  expect(() => assertPlatformRuns({ os: 'darwin', cpu: 'arm64', glibc: undefined })).not.toThrow();
});

test('links between the libraries that npm did not make are restored, twice without harm', () => {
  mkdirSync(join(folder, 'native/lib'), { recursive: true });
  writeFileSync(join(folder, 'native/lib/libpq.so.5.18'), 'library');
  writeFileSync(
    join(folder, 'native/pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so' }]),
  );
  restoreSymlinks(folder);
  restoreSymlinks(folder);
  expect(lstatSync(join(folder, 'native/lib/libpq.so')).isSymbolicLink()).toBe(true);
});

test('a folder that the other account may not pass is named, with the cure', () => {
  const closed = join(folder, 'closed');
  mkdirSync(join(closed, 'data'), { recursive: true });
  chmodSync(folder, 0o755);
  chmodSync(closed, 0o700);
  const stranger = { uid: 64_000, gid: 64_000 };
  expect(closedFolderOnTheWay(join(closed, 'data'), stranger)).toBe(closed);
  expect(() => assertReachable(join(closed, 'data'), stranger)).toThrow(/refuses to run as root.*chmod o\+x .*closed.*DATABASE_URL/);
  chmodSync(closed, 0o711);
  expect(closedFolderOnTheWay(join(closed, 'data'), stranger)).toBeUndefined();
});

test.each([
  ['a full disk', Object.assign(new Error('ENOSPC: no space left on device, mkdir'), { code: 'ENOSPC' }), /disk is full: free some space/],
  ['a full disk that initdb met', new Error('initdb: error: could not write to file: No space left on device'), /disk is full/],
  ['a read-only file system', Object.assign(new Error('EROFS'), { code: 'EROFS' }), /read-only file system/],
  [
    'a folder of somebody else',
    Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }),
    /cannot be written by this user/,
  ],
  [
    'an account without a name',
    new Error('initdb: error: could not look up effective user ID 1234: user does not exist'),
    /no entry in \/etc\/passwd/,
  ],
  ['anything else', new Error('2026 LOG: starting\n2026 FATAL: bogus data in lock file\n'), /did not start in \/data: .*FATAL: bogus data/],
])('%s is one line that says what to do', (_what, problem, line) => {
  const { message, code } = folderFault('/data', problem);
  expect(code).toBe('store.start-failed');
  expect(message).toMatch(line);
  expect(message).not.toContain('\n');
});
