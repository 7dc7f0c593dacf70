import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { isAlive } from './postmaster-file.js';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const aFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-embedded-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  // mkdtemp makes it 0700, and another account must be able to pass.
  chmodSync(folder, 0o755);
  return folder;
};

const start = async (dataDir: string): Promise<EmbeddedPostgres> => {
  const postgres = await startEmbeddedPostgres({ dataDir });
  cleanups.push(() => postgres.stop());
  return postgres;
};

const query = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};

test('keeps what was committed over a stop and a start, with fsync on and the password in a file nobody else reads', async () => {
  const dataDir = aFolder();
  const first = await start(dataDir);
  await query(first.url(), 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
  expect(await query(first.url(), 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  expect(statSync(join(dataDir, 'cluster', 'sallyport-password')).mode & 0o777).toBe(0o600);
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);

  const second = await start(dataDir);
  expect(second.adopted).toBe(false);
  expect(await query(second.url(), 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
});

test('asks for the password: a connection without it is refused', async () => {
  const postgres = await start(aFolder());
  const url = new URL(postgres.url());
  url.password = 'wrong';
  await expect(query(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
});

test('is reached by a socket in its folder, which asks for the password too, and by TCP where the folder can hold none', async () => {
  const postgres = await start(aFolder());
  const url = new URL(postgres.localUrl());
  expect(await query(url.href, 'SELECT inet_server_addr() AS tcp')).toEqual([{ tcp: null }]);
  url.password = 'wrong';
  await expect(query(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });

  const longNamed = await start(join(aFolder(), 'd'.repeat(120)));
  const refused = await startEmbeddedPostgres({ dataDir: aFolder(), settings: { unix_socket_directories: '/proc' } });
  cleanups.push(() => refused.stop());
  for (const { localUrl } of [longNamed, refused].map((of) => ({ localUrl: of.localUrl() }))) {
    expect(await query(localUrl, 'SELECT inet_server_addr() IS NOT NULL AS tcp')).toEqual([{ tcp: true }]);
  }
});

test('runs as another account when root starts it', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('not root');
  const postgres = await start(aFolder());
  expect(readFileSync(`/proc/${postgres.pid}/status`, 'utf8')).not.toMatch(/^Uid:\s+0/m);
});

/** A process of its own that starts the same folder, says its pids and waits. */
const startElsewhere = async (
  dataDir: string,
  ending: string,
): Promise<{ kill(signal: NodeJS.Signals): Promise<void>; postgresPid: number }> => {
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(new URL('./embedded-postgres.ts', import.meta.url).href)});
    const postgres = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    process.stdout.write(postgres.pid + '\\n');
    ${ending}`;
  const child = spawn(
    process.execPath,
    [
      '--conditions=sallyport-source',
      '--experimental-transform-types',
      '--no-warnings',
      '--import',
      sourceResolver(),
      '--input-type=module',
      '-e',
      script,
    ],
    {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  const ended = exited.then(() => Promise.reject(new Error('it ended without starting')));
  const [line] = await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => {});
  return {
    postgresPid: Number(String(line)),
    kill: async (signal) => {
      child.kill(signal);
      await exited;
    },
  };
};

/** Lets plain Node run the sources, whose imports end in `.js`. */
const sourceResolver = (): string =>
  `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module';
    registerHooks({ resolve(specifier, context, next) {
      try { return next(specifier, context); } catch (error) {
        if (specifier.startsWith('.') && specifier.endsWith('.js')) return next(specifier.slice(0, -3) + '.ts', context);
        throw error;
      }
    } });`)}`;

const KEEP_RUNNING = 'setInterval(() => {}, 60_000);';

const gone = async (pid: number, clusterFolder: string): Promise<void> => {
  await expect.poll(() => isAlive(pid) && existsSync(join(clusterFolder, 'postmaster.pid')), { timeout: 15_000 }).toBe(false);
};

test('a server that was killed leaves no socket behind once its folder is in use again', async () => {
  const dataDir = aFolder();
  const { kill, postgresPid } = await startElsewhere(dataDir, KEEP_RUNNING);
  await kill('SIGKILL');
  process.kill(postgresPid, 'SIGKILL');
  await gone(postgresPid, join(dataDir, 'cluster'));
  const sockets = () => readdirSync(dataDir).filter((name) => name.startsWith('.s.PGSQL'));
  expect(sockets()).toHaveLength(2);

  const { port, localUrl } = await start(dataDir).then((of) => ({ port: of.port, localUrl: of.localUrl() }));
  expect(sockets().sort()).toEqual([`.s.PGSQL.${port}`, `.s.PGSQL.${port}.lock`]);
  expect(await query(localUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('adopts the server that a killed process left running, with its data', async () => {
  const dataDir = aFolder();
  const killed = await startElsewhere(dataDir, KEEP_RUNNING);
  await killed.kill('SIGKILL');
  expect(isAlive(killed.postgresPid)).toBe(true);

  const next = await start(dataDir);
  expect(next).toMatchObject({ adopted: true, pid: killed.postgresPid });
  expect(await query(next.url(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await next.stop();
  await gone(killed.postgresPid, join(dataDir, 'cluster'));
});

test('a server that is killed comes back by itself on its port, with what was committed, and still belongs to its owner', async () => {
  const dataDir = aFolder();
  const postgres = await start(dataDir);
  await query(postgres.url(), 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
  const { pid } = postgres;
  process.kill(-pid, 'SIGKILL');
  await vi.waitFor(async () => expect(await query(postgres.url(), 'SELECT n FROM kept')).toEqual([{ n: 7 }]), 20_000);
  await vi.waitFor(() => expect(postgres.pid).not.toBe(pid), 20_000);
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({ code: 'store.start-failed' });
  await postgres.stop();
  expect(isAlive(postgres.pid)).toBe(false);
});

test('a server that recovers from the death of one of its processes still belongs to its owner', async () => {
  const dataDir = aFolder();
  const postgres = await start(dataDir);
  const [backend] = await query(postgres.url('postgres'), "SELECT pid FROM pg_stat_activity WHERE application_name = 'sallyport-owner'");
  process.kill(Number(backend?.pid), 'SIGKILL');
  await vi.waitFor(async () => {
    const owners = await query(postgres.url('postgres'), `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND pid <> ${backend?.pid}`);
    expect(owners).toHaveLength(1);
  }, 20_000);
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({ code: 'store.start-failed' });
});

test('says in one line that a folder is in use, and leaves its owner running', async () => {
  const dataDir = aFolder();
  const owner = await start(dataDir);
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
    code: 'store.start-failed',
    message: expect.stringMatching(/is in use by another Sallyport/),
  });
  expect(await query(owner.url(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('of two starts that race for a fresh folder one runs and one is told', async () => {
  const dataDir = aFolder();
  const results = await Promise.allSettled([start(dataDir), start(dataDir)]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('starts over the file of a server that is gone and whose process id belongs to something else', async () => {
  const dataDir = aFolder();
  const first = await start(dataDir);
  await first.stop();
  const file = join(dataDir, 'cluster', 'postmaster.pid');
  writeFileSync(file, [process.ppid, join(dataDir, 'cluster'), 1, 1, '', '127.0.0.1', '', 'ready'].join('\n'));
  const second = await start(dataDir);
  expect(second.adopted).toBe(false);
});

test.each([
  ['when it returns from its last line', 'process.exit(0);'],
  ['when an error ends it', 'setTimeout(() => { process.stderr.write = () => true; throw new Error("ends"); }, 1);'],
])('ends with its parent %s', async (_way, ending) => {
  const dataDir = aFolder();
  const { postgresPid } = await startElsewhere(dataDir, ending);
  await gone(postgresPid, join(dataDir, 'cluster'));
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with its parent on %s', async (signal) => {
  const dataDir = aFolder();
  const parent = await startElsewhere(dataDir, KEEP_RUNNING);
  await parent.kill(signal);
  await gone(parent.postgresPid, join(dataDir, 'cluster'));
});

test('says in one line that the folder is a file', async () => {
  const path = join(aFolder(), 'taken');
  writeFileSync(path, '');
  await expect(startEmbeddedPostgres({ dataDir: path })).rejects.toMatchObject({
    code: 'store.start-failed',
    message: expect.stringMatching(/is not a folder/),
  });
});

/** A file system of its own, where this account may mount one. */
const mounted = (options: string): string | undefined => {
  const folder = aFolder();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status !== 0) return undefined;
  cleanups.push(() => void spawnSync('umount', ['-l', folder]));
  return folder;
};

test('says in one line that the file system is read-only', async ({ skip }) => {
  const folder = mounted('ro') ?? skip('this account may not mount');
  for (const dataDir of [folder, join(folder, 'deep', 'data')]) {
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: 'store.start-failed',
      message: expect.stringMatching(/read-only file system/),
    });
  }
});

test('says in one line that the disk is full, on the first start and on a later one, and starts again once there is room', async ({
  skip,
}) => {
  const folder = mounted('size=160m,mode=755') ?? skip('this account may not mount');
  const dataDir = join(folder, 'data');
  await (await startEmbeddedPostgres({ dataDir })).stop();
  const fill = join(folder, 'fill');
  spawnSync('dd', ['if=/dev/zero', `of=${fill}`, 'bs=64k']);
  const full = { code: 'store.start-failed', message: expect.stringMatching(/^The disk is full: free some space/) };
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject(full);
  await expect(startEmbeddedPostgres({ dataDir: join(folder, 'another') })).rejects.toMatchObject(full);
  rmSync(fill);
  const postgres = await start(dataDir);
  expect(await query(postgres.url(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('as root, names the folder on the way that PostgreSQL may not pass, and leaves nothing running', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('not root');
  const closed = join(aFolder(), 'closed');
  mkdirSync(closed, { mode: 0o700 });
  await expect(startEmbeddedPostgres({ dataDir: join(closed, 'data') })).rejects.toMatchObject({
    code: 'store.start-failed',
    message: expect.stringMatching(/refuses to run as root.*chmod o\+x/),
  });
});
