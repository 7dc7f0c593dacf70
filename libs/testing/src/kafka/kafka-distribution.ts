import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The version pinned in `libs/testing/kafka/pom.xml`. */
const VERSION = '4.3.1';
const JAVA_MIN = 17;
const LOCK_STALE_MS = 10 * 60_000;

/** Whether a broker can be started on this machine, and if not, why. */
export interface KafkaAvailability {
  readonly ok: boolean;
  readonly reason: string;
}

let known: KafkaAvailability | undefined;

/** Looks for Java 17 or newer, its keytool, and Maven or an earlier download. Put `reason` into the title of what is skipped. */
export const kafkaAvailable = (): KafkaAvailability => {
  known ??= look();
  return known;
};

const look = (): KafkaAvailability => {
  try {
    const text = execFileSync('java', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const major = Number(/\s(\d+)/.exec(text)?.[1]);
    if (!(major >= JAVA_MIN)) return { ok: false, reason: `Java ${major} is older than ${JAVA_MIN}` };
  } catch {
    return { ok: false, reason: 'no Java' };
  }
  if (existsSync(join(distributionFolder(), 'complete'))) return { ok: true, reason: 'downloaded' };
  try {
    execFileSync('mvn', ['--version'], { stdio: 'ignore' });
  } catch {
    return { ok: false, reason: 'no Maven' };
  }
  return { ok: true, reason: 'Java and Maven' };
};

/** The repository's root: the folder of `nx.json`. */
const repositoryRoot = (): string => {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'nx.json'))) return folder;
    if (dirname(folder) === folder) throw new Error('no nx.json above the Kafka harness');
  }
};

const distributionFolder = (): string => join(repositoryRoot(), '.cache', 'kafka', VERSION);

/** Where the jars are, downloaded once for all runs, and the class archive that halves a broker's start. */
export interface KafkaDistribution {
  readonly classPath: string;
  readonly classArchive: string;
}

/** Downloads the broker's jars on first use; processes that need them at once wait for the one that downloads. */
export const kafkaDistribution = async (): Promise<KafkaDistribution> => {
  const folder = distributionFolder();
  const distribution = { classPath: join(folder, 'libs', '*'), classArchive: join(folder, 'classes.jsa') };
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return distribution;
  mkdirSync(folder, { recursive: true });
  await exclusively(join(folder, 'lock'), async () => {
    if (existsSync(complete)) return;
    const pom = join(repositoryRoot(), 'libs', 'testing', 'kafka', 'pom.xml');
    await run('mvn', [
      '-q',
      '-B',
      '-f',
      pom,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(folder, 'libs')}`,
    ]);
    writeFileSync(complete, `${VERSION}\n`);
  });
  return distribution;
};

/** Runs work while a folder exists that only one process can make; takes it over from a process that died. */
const exclusively = async (lock: string, work: () => Promise<void>): Promise<void> => {
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      break;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
      if (isAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
      else await delay(200);
    }
  }
  try {
    await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
};

const isAbandoned = (lock: string): boolean => {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LOCK_STALE_MS) return true;
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
};
