import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '@sallyport/testing';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type DatabaseOptions, openDatabase } from './postgres-database.js';
import { grantToLogClients, revokeFromService } from './provisioning.js';
import type { Database } from './sql.js';

let postgres: TestPostgres;
let home: TestDatabase;
const open: Database[] = [];

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  home = await postgres.createDatabase();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.close()));
});

class MakeItems1763718000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE items (id int PRIMARY KEY, at bigint NOT NULL DEFAULT 9007199254740993)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE items');
  }
}

class AddNotes1763718000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE items ADD COLUMN note text');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE items DROP COLUMN note');
  }
}

class Fails1763718000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half (id int)');
    await runner.query('SELECT 1 / 0');
  }
  async down(): Promise<void> {}
}

const opened = async (options: Partial<DatabaseOptions> = {}): Promise<Database> => {
  const database = await openDatabase({
    url: home.url,
    schema: 'edge_gateway',
    applicationName: 'spec',
    migrations: [MakeItems1763718000000],
    ...options,
  });
  open.push(database);
  return database;
};

test('migrations run once, in order, and find their tables by the schema alone', async () => {
  await opened();
  const database = await opened({ migrations: [MakeItems1763718000000, AddNotes1763718000001] });
  await database.query('INSERT INTO items (id, note) VALUES ($1, $2)', [1, 'kept']);
  expect((await database.query('SELECT note FROM edge_gateway.items')).rows).toEqual([{ note: 'kept' }]);
  expect((await database.query('SELECT name FROM migrations ORDER BY id')).rows).toEqual([
    { name: 'MakeItems1763718000000' },
    { name: 'AddNotes1763718000001' },
  ]);
});

test('replicas that start together migrate once and all come up', async () => {
  const replicas = await Promise.all(
    Array.from({ length: 4 }, () => opened({ migrations: [MakeItems1763718000000, AddNotes1763718000001] })),
  );
  const [first] = replicas;
  expect((await first?.query('SELECT count(*)::int AS n FROM migrations'))?.rows).toEqual([{ n: 2 }]);
});

test('a migration that fails leaves nothing of itself and keeps those before it', async () => {
  await expect(opened({ migrations: [MakeItems1763718000000, Fails1763718000002] })).rejects.toThrow(/division by zero/);
  const database = await opened();
  expect((await database.query("SELECT to_regclass('half') AS half, to_regclass('items')::text AS items")).rows).toEqual([
    { half: null, items: 'items' },
  ]);
});

test('a transaction whose work rejects leaves nothing behind and gives its connection back', async () => {
  const database = await opened({ poolMax: 1 });
  const failing = database.transaction(async (tx) => {
    await tx.query('INSERT INTO items (id) VALUES (1)');
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  expect((await database.query('SELECT * FROM items')).rowCount).toBe(0);
});

test('a refused statement arrives with its SQLSTATE, not as an unavailable store', async () => {
  const database = await opened();
  await database.query('INSERT INTO items (id) VALUES (1)');
  await expect(database.query('INSERT INTO items (id) VALUES (1)')).rejects.toMatchObject({ code: '23505' });
});

test('a bigint keeps all its digits', async () => {
  const database = await opened();
  const { rows } = await database.query<{ at: string }>({
    name: 'insert-item',
    text: 'INSERT INTO items (id) VALUES ($1) RETURNING at',
    values: [1],
  });
  expect(rows).toEqual([{ at: '9007199254740993' }]);
});

test('a commit that nobody waits for is asked for per transaction and does not leak into the next', async () => {
  const database = await opened({ poolMax: 1 });
  const inside = await database.transaction(async (tx) => (await tx.query('SHOW synchronous_commit')).rows, { synchronousCommit: false });
  expect(inside).toEqual([{ synchronous_commit: 'off' }]);
  expect((await database.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
});

test('an address where nothing listens is store.unavailable', async () => {
  await expect(opened({ url: 'postgresql://nobody:x@127.0.0.1:1/none' })).rejects.toMatchObject({ code: 'store.unavailable' });
});

test('a statement that takes too long is store.unavailable, and the next one is answered', async () => {
  const database = await opened({ statementTimeoutMs: 50, poolMax: 1 });
  await expect(database.query('SELECT pg_sleep(10)')).rejects.toMatchObject({ code: 'store.unavailable' });
  expect(await database.isHealthy()).toBe(true);
});

test('a server that falls silent is store.unavailable in bounded time, also in a transaction, and is not waited for afterwards', async () => {
  const sockets = new Set<Socket>();
  const { hostname, port } = new URL(home.url);
  const between = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => {}).on('close', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  try {
    const url = new URL(home.url);
    url.host = `127.0.0.1:${(between.address() as AddressInfo).port}`;
    const database = await opened({ url: url.href, migrationsUrl: home.url, statementTimeoutMs: 200 });
    const silence = (): void => sockets.forEach((socket) => void socket.unpipe().pause());
    await database.query('SELECT 1');
    silence();
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'store.unavailable' });
    await expect(
      database.transaction(async (tx) => {
        silence();
        await Promise.all([tx.query('INSERT INTO items (id) VALUES (1)'), tx.query('INSERT INTO items (id) VALUES (2)')]);
      }),
    ).rejects.toMatchObject({ code: 'store.unavailable' });
    expect((await database.query('SELECT id FROM items')).rows).toEqual([]);
  } finally {
    for (const socket of sockets) socket.destroy();
    between.close();
  }
});

test('connections that the server ends, idle and in a transaction, end no process and are replaced', async () => {
  const database = await opened();
  await database.query('SELECT 1');
  const cut = () =>
    postgres.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${home.name}' AND application_name = 'spec'`);
  await cut();
  await expect.poll(() => database.isHealthy()).toBe(true);
  const inTransaction = database.transaction(async (tx) => {
    await tx.query('INSERT INTO items (id) VALUES (1)');
    await cut();
    await tx.query('INSERT INTO items (id) VALUES (2)');
  });
  await expect(inTransaction).rejects.toMatchObject({ code: 'store.unavailable' });
  await expect.poll(() => database.isHealthy()).toBe(true);
  expect((await database.query('SELECT * FROM items')).rowCount).toBe(0);
});

test('a listener hears what is notified, and is told of the gap after its connection was lost', async () => {
  const database = await opened();
  const heard: string[] = [];
  const gap = Promise.withResolvers<void>();
  await database.listen({ channel: 'appended', onNotification: (payload) => heard.push(payload), onGap: gap.resolve });
  await database.query("SELECT pg_notify('appended', 'one')");
  await expect.poll(() => heard).toEqual(['one']);
  await postgres.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${home.name}' AND query LIKE 'LISTEN%'`);
  await gap.promise;
  await database.query("SELECT pg_notify('appended', 'two')");
  await expect.poll(() => heard).toEqual(['one', 'two']);
});

test('refuses a schema whose name is not plain', async () => {
  await expect(opened({ schema: 'x; DROP SCHEMA y' })).rejects.toMatchObject({ code: 'configuration.invalid' });
});

class MakeLog1763718000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE records (id int)');
    await grantToLogClients(runner, 'SELECT, INSERT ON log.records');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE records');
  }
}

class MakeInsertOnly1763718000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await revokeFromService(runner, 'audit_projector', 'UPDATE, DELETE ON audit_projector.items');
  }
  async down(): Promise<void> {}
}

const REFUSED = { code: '42501' };

test('no service reads, writes or owns what belongs to another', async () => {
  const urls = await home.provision([{ service: 'edge_gateway' }, { service: 'policy_decision' }]);
  const edge = await opened({ ...urls.get('edge_gateway'), schema: 'edge_gateway' });
  const policy = await opened({ ...urls.get('policy_decision'), schema: 'policy_decision' });
  await policy.query('INSERT INTO items (id) VALUES (1)');
  await expect(edge.query('SELECT * FROM policy_decision.items')).rejects.toMatchObject(REFUSED);
  await expect(edge.query('INSERT INTO policy_decision.items (id) VALUES (2)')).rejects.toMatchObject(REFUSED);
  await expect(edge.query('DROP TABLE edge_gateway.items')).rejects.toMatchObject(REFUSED);
  await expect(edge.query('CREATE TABLE edge_gateway.extra (id int)')).rejects.toMatchObject(REFUSED);
  await expect(edge.query('CREATE TABLE public.extra (id int)')).rejects.toMatchObject(REFUSED);
});

const connectTo = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.end();
};

test('services may append to and read the log as its migrations grant, and change nothing in it', async () => {
  const urls = await home.provision([{ service: 'log' }, { service: 'edge_gateway' }, { service: 'outsider', usesLog: false }]);
  await opened({ ...urls.get('log'), schema: 'log', migrations: [MakeLog1763718000000] });
  const edge = await opened({ ...urls.get('edge_gateway'), schema: 'edge_gateway' });
  await edge.query('INSERT INTO log.records (id) VALUES (1)');
  expect((await edge.query('SELECT id FROM log.records')).rows).toEqual([{ id: 1 }]);
  await expect(edge.query('DELETE FROM log.records')).rejects.toMatchObject(REFUSED);
  const outsider = await opened({ ...urls.get('outsider'), schema: 'outsider' });
  await expect(outsider.query('SELECT id FROM log.records')).rejects.toMatchObject(REFUSED);
});

test('a table can be insert-only by grant: the service itself cannot change or delete a row', async () => {
  const urls = await home.provision([{ service: 'audit_projector' }]);
  const audit = await opened({
    ...urls.get('audit_projector'),
    schema: 'audit_projector',
    migrations: [MakeItems1763718000000, MakeInsertOnly1763718000001],
  });
  await audit.query('INSERT INTO items (id) VALUES (1)');
  await expect(audit.query('UPDATE items SET at = 0')).rejects.toMatchObject(REFUSED);
  await expect(audit.query('DELETE FROM items')).rejects.toMatchObject(REFUSED);
  await expect(audit.query('TRUNCATE items')).rejects.toMatchObject(REFUSED);
});

test('provisioning again keeps schemas and rows, and replaces the passwords', async () => {
  const before = await home.provision([{ service: 'edge_gateway' }]);
  const first = await opened({ ...before.get('edge_gateway') });
  await first.query('INSERT INTO items (id) VALUES (1)');
  const after = await home.provision([{ service: 'edge_gateway' }]);
  const second = await opened({ ...after.get('edge_gateway') });
  expect((await second.query('SELECT id FROM items')).rows).toEqual([{ id: 1 }]);
  await expect(connectTo(before.get('edge_gateway')?.url ?? '')).rejects.toMatchObject({ code: '28P01' });
});

test('a NUL, which no text of PostgreSQL can hold, is stored as U+FFFD, so that no consumer is stopped by what a stranger said', async () => {
  const database = await opened();
  const { rows } = await database.query<{ one: string; many: string[] }>('SELECT $1::text AS one, $2::text[] AS many', [
    'a\u0000b',
    ['\u0000', 'plain'],
  ]);
  expect(rows).toEqual([{ one: 'a\ufffdb', many: ['\ufffd', 'plain'] }]);
});

test('statements that are not awaited one by one run in order, and what opens a transaction is given to its work', async () => {
  const database = await opened({ poolMax: 1 });
  const [inserted, found] = await database.transaction(
    async (tx, before) => {
      expect(before).toMatchObject({ rows: [] });
      return await Promise.all([tx.query('INSERT INTO items (id) VALUES (1)'), tx.query('SELECT id FROM items')]);
    },
    { opening: (tx) => tx.query('SELECT id FROM items FOR UPDATE') },
  );
  expect([inserted.rowCount, found.rows]).toEqual([1, [{ id: 1 }]]);
});

test('a statement that comes after its transaction failed does not run without one', async () => {
  const database = await opened({ poolMax: 1 });
  let late: Promise<unknown> = Promise.resolve();
  const failing = database.transaction((tx) => {
    late = tx.query('SELECT 1').then(() => tx.query('INSERT INTO items (id) VALUES (1)'));
    late.catch(() => {});
    return Promise.all([tx.query('SELECT 1 / 0'), late]);
  });
  await expect(failing).rejects.toMatchObject({ code: '22012' });
  await expect(late).rejects.toThrow();
  expect((await database.query('SELECT * FROM items')).rowCount).toBe(0);
});

test('a transaction of which a statement failed unheard is not taken for committed', async () => {
  const database = await opened({ poolMax: 1 });
  const failing = database.transaction(async (tx) => {
    await tx.query('INSERT INTO items (id) VALUES (1)');
    await tx.query('SELECT 1 / 0').catch(() => {});
  });
  await expect(failing).rejects.toThrow('had failed');
  expect((await database.query('SELECT * FROM items')).rowCount).toBe(0);
});

/** Passes bytes on; while `held`, what the server sends is kept, and goes out at one stretch once the server has hung up. */
const heldProxy = async (to: URL): Promise<{ readonly url: string; hold(): void; close(): void }> => {
  let holding = false;
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), '127.0.0.1');
    const kept: Buffer[] = [];
    sockets.push(client, upstream);
    client.on('data', (chunk) => upstream.write(chunk)).on('error', () => upstream.destroy());
    upstream.on('data', (chunk) => (holding ? kept.push(chunk) : client.write(chunk))).on('error', () => client.destroy());
    upstream.on('end', () => {
      holding = false;
      client.end(Buffer.concat(kept));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(to);
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.href,
    hold: () => {
      holding = true;
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};

test('a connection that ends in the moment it is handed to a transaction fails that transaction, and never the process', async () => {
  const proxy = await heldProxy(new URL(home.url));
  onTestFinished(() => proxy.close());
  await opened();
  const database = await opened({ url: proxy.url, migrations: [], poolMax: 1 });
  const [{ pid } = { pid: 0 }] = (await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
  proxy.hold();
  const before = database.query('SELECT 1 AS one');
  const handed = database.transaction((tx) => tx.query('SELECT 2 AS two'));
  const refused = expect(handed).rejects.toMatchObject({ code: 'store.unavailable' });
  const answered = async (): Promise<boolean> =>
    (await postgres.admin(`SELECT 1 FROM pg_stat_activity WHERE pid = ${pid} AND state = 'idle' AND query LIKE 'SELECT 1 AS one%'`))
      .length > 0;
  await expect.poll(answered).toBe(true);
  // The answer, and that the connection is over, reach the driver together.
  await postgres.admin(`SELECT pg_terminate_backend(${pid})`);
  expect((await before).rows).toEqual([{ one: 1 }]);
  await refused;
  expect((await database.query('SELECT 3 AS three')).rows).toEqual([{ three: 3 }]);
});
