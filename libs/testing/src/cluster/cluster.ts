import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { LOG_SCHEMA } from '@sallyport/platform';
import pg from 'pg';
import { type KafkaBroker, type KafkaOptions, startKafka } from '../kafka/kafka-broker.js';
import type { OtlpReceiver } from '../otlp-receiver.js';
import { startTestPostgres, type TestPostgres } from '../postgres/test-postgres.js';
import {
  type ConfigurationPart,
  makeFolder,
  OFFICE_SCOPES,
  ROOT_FOLDER,
  STORY_SCOPES,
  STORY_SERVER,
  STORY_TENANT,
  writeClusterFolder,
} from './cluster-folder.js';
import { Ingress } from './ingress.js';
import { RecordReader } from './record-reader.js';
import { ONE_PROCESS, ONE_SERVICE, ServiceProcess } from './service-process.js';
import { StoryUpstream } from './story-upstream.js';
import { TestIssuer, type TokenRequest } from './test-issuer.js';
import { until } from './until.js';

/**
 * `embedded`: `sallyport start`, everything in one process on its own PostgreSQL. `postgres-separate`: a process per service on one
 * PostgreSQL. `kafka-separate`: a process per service, each with a schema and a role of its own, meeting on a Kafka broker.
 */
export type ClusterSize = 'embedded' | 'postgres-separate' | 'kafka-separate';

/** The services that run as processes of their own outside the embedded size. */
export const CLUSTER_SERVICES = ['edge-gateway', 'policy-decision', 'budget-accountant', 'approval', 'audit-projector'] as const;
export type ClusterService = (typeof CLUSTER_SERVICES)[number];

export interface ClusterOptions {
  readonly size: ClusterSize;
  /** Merged into the harness's `sallyport.yaml`. */
  readonly configuration?: ConfigurationPart;
  /** Servers whose shipped catalog files are taken as well; `configuration.upstreams` says how they are reached. */
  readonly shippedCatalog?: readonly string[];
  /** Catalog files of further servers, YAML by name of the server; `configuration.upstreams` says how they are reached. */
  readonly catalog?: Readonly<Record<string, string>>;
  /** Low-risk writes that the agent `writer` may use beside `story/write`, as `server/tool`. */
  readonly grantedWrites?: readonly string[];
  /** How many processes of the edge gateway there are outside the embedded size; default 1. */
  readonly edges?: number;
  /** One address before the services, as the shipped ingress joins them; outside the embedded size. It is then the public one, and `gatewayUrl`. */
  readonly ingress?: boolean;
  /** How the broker of `kafka-separate` is started. */
  readonly kafka?: KafkaOptions;
  readonly otlp?: OtlpReceiver;
  readonly env?: Readonly<Record<string, string>>;
  /** Put over `env` for the process that serves agents. */
  readonly gatewayEnv?: Readonly<Record<string, string>>;
  /** Services that run from their bundles, where `npm run build` has left some: they start in half the time. Outside the embedded size. */
  readonly bundled?: readonly ClusterService[];
  /** Other programs than those of this checkout, by service; outside the embedded size. */
  readonly programs?: Readonly<Partial<Record<ClusterService, string>>>;
  /** Called with the folder before anything is started in it; what it returns is called when everything has ended. */
  readonly prepare?: (folder: string) => () => Promise<void>;
}

export interface FetchOptions {
  readonly method?: string;
  readonly body?: unknown;
  /** Where to; default is the gateway. */
  readonly base?: string;
}

export interface RawFetchOptions {
  /** Where to; default is the gateway. */
  readonly base?: string;
  /** `headers` drops the body unread, which ends a stream. */
  readonly read?: 'all' | 'headers';
}

export interface FetchedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The built product, running as its users run it. */
export interface Cluster {
  readonly size: ClusterSize;
  readonly folder: string;
  readonly gatewayUrl: string;
  readonly policyUrl: string;
  readonly auditUrl: string;
  readonly issuer: string;
  readonly upstream: StoryUpstream;
  readonly record: RecordReader;
  readonly kafka: KafkaBroker | undefined;
  /** The server of all databases where services are processes; `undefined` in the embedded size, which has its own. */
  readonly postgres: TestPostgres | undefined;
  /** A token for the gateway; of the issuer that the configuration trusts, or of a stranger with a key of its own under the same name. */
  token(request: TokenRequest, from?: 'trusted' | 'stranger'): Promise<string>;
  fetchAs(request: TokenRequest, path: string, options?: FetchOptions): Promise<FetchedAnswer>;
  fetchRaw(path: string, init: RequestInit, options?: RawFetchOptions): Promise<FetchedAnswer>;
  /** The process a service runs in; in the embedded size all run in one. */
  service(name: ClusterService): ServiceProcess;
  /** Every process of the product. Edges beside the first are named `edge-gateway-2` and so on. */
  processes(): readonly ServiceProcess[];
  /** Everything all processes said, a line each. */
  output(): readonly string[];
  /** The superuser's address of the database. */
  databaseUrl(): string;
  /** Runs one statement as the superuser. */
  admin<R extends pg.QueryResultRow = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** SIGKILL of the PostgreSQL of the embedded size and every process of it at once; the product goes on without it. */
  killEmbeddedPostgres(): Promise<void>;
  /**
   * Lets PostgreSQL refuse every connection of a service (in the embedded size of all of them) and end those that are open, until the
   * returned function is called.
   */
  refuseConnections(name: ClusterService): Promise<() => Promise<void>>;
  /** Another process of a service on a port of its own, not started yet; `program` stands in for that of this workspace. */
  replica(name: ClusterService, instanceId: string, program?: string): Promise<ServiceProcess>;
  /** Keeps the decision point from deciding anything until the returned function is called: holds the row that every decision reads. */
  holdDecisions(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

const schemaOf = (service: ClusterService): string => service.replaceAll('-', '_');

type ServiceAddresses = Pick<Cluster, 'policyUrl' | 'auditUrl'>;

const EPOCH_TABLE = 'policy_decision.epoch';

/** A port of this machine that nobody has now. */
export const freePort = async (): Promise<number> =>
  await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address === null || typeof address === 'string' ? reject(new Error('no port')) : resolve(address.port)));
    });
  });

const bundleOf = (app: string): string => join(ROOT_FOLDER, 'dist', 'bundles', app, 'main.mjs');

const programOf = (app: string, isBundled = false): string => {
  if (isBundled && existsSync(bundleOf(app))) return bundleOf(app);
  const program = join(ROOT_FOLDER, 'apps', app, 'dist', 'main.js');
  if (!existsSync(program))
    execFileSync(process.execPath, [join(ROOT_FOLDER, 'node_modules/@typescript/native/bin/tsc'), '-b'], { cwd: ROOT_FOLDER });
  return program;
};

/** Starts the product in a folder of its own and resolves when every process is ready. Throws with what they said when one is not. */
export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const starting = new ClusterStart(options);
  try {
    return await starting.start();
  } catch (error) {
    await starting.close();
    throw error;
  }
};

class ClusterStart {
  private readonly folder = makeFolder();
  private readonly processes = new Map<string, ServiceProcess>();
  private readonly closing: (() => Promise<unknown>)[] = [];
  private databaseUrl = (): string => '';
  private postgres: TestPostgres | undefined;

  constructor(private readonly options: ClusterOptions) {}

  async start(): Promise<Cluster> {
    const { size, configuration = {}, prepare } = this.options;
    if (prepare !== undefined) this.closing.push(prepare(this.folder));
    const upstream = await StoryUpstream.start();
    this.closing.push(() => upstream.leave());
    const gatewayPort = await freePort();
    const publicPort = this.options.ingress === true ? await freePort() : gatewayPort;
    const gatewayUrl = `http://127.0.0.1:${publicPort}`;
    const issuer = `${gatewayUrl}/story-issuer`;
    const keySetFile = join(this.folder, 'story-issuer.jwks.json');
    const identities = { issuer, tenant: STORY_TENANT, audience: gatewayUrl, scopes: STORY_SCOPES };
    const trusted = await TestIssuer.create({ ...identities, keySetFile });
    const stranger = await TestIssuer.create({ ...identities, keySetFile: join(this.folder, 'stranger.jwks.json') });
    const kafka = size === 'kafka-separate' ? await this.startKafka() : undefined;
    const file = writeClusterFolder(this.folder, {
      gatewayUrl,
      gatewayPort,
      issuer,
      keySetFile,
      upstreamUrl: upstream.url,
      log:
        kafka === undefined
          ? { kind: 'postgres' }
          : { kind: 'kafka', kafka: { brokers: kafka.brokers, replicationFactor: 1, minInsyncReplicas: 1 } },
      configuration,
      shippedCatalog: this.options.shippedCatalog ?? [],
      catalog: this.options.catalog ?? {},
      grantedWrites: this.options.grantedWrites ?? [],
    });
    const urls = size === 'embedded' ? this.startTogether(file, gatewayUrl) : await this.startApart(file, gatewayPort);
    await Promise.all([...this.processes.values()].map((process) => process.ready()));
    if (this.options.ingress === true) await this.startIngress(publicPort);
    const cluster = this.cluster({ gatewayUrl, issuer, upstream, trusted, stranger, kafka, ...urls });
    await until('the tools of the story upstream are pinned', async () => {
      const { text } = await cluster.fetchAs({ subject: 'ada', agent: 'triage' }, '/v1/tools');
      return text.includes(`"${STORY_SERVER}/echo"`) ? true : undefined;
    });
    return cluster;
  }

  async close(): Promise<void> {
    await Promise.all([...this.processes.values()].map((process) => process.stop()));
    await endLeftPostgres(embeddedClusterOf(this.folder));
    for (const close of this.closing.reverse()) await close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private async startKafka(): Promise<KafkaBroker> {
    const kafka = await startKafka(this.options.kafka);
    this.closing.push(() => kafka.stop());
    return kafka;
  }

  private async startIngress(port: number): Promise<void> {
    const ingress = await Ingress.start(this.folder, port, new Map([...this.processes].map(([name, { url }]) => [name, url])));
    this.closing.push(() => ingress.close());
  }

  private startTogether(file: string, url: string): ServiceAddresses {
    this.run('start', [programOf('cli'), 'start', '--config', file], url, {});
    this.databaseUrl = () => embeddedUrl(embeddedClusterOf(this.folder));
    return { policyUrl: url, auditUrl: url };
  }

  private async startApart(file: string, gatewayPort: number): Promise<ServiceAddresses> {
    const postgres = await startTestPostgres();
    this.postgres = postgres;
    this.closing.push(() => postgres.stop());
    const database = await postgres.createDatabase();
    this.databaseUrl = () => database.url;
    const schemas = CLUSTER_SERVICES.map(schemaOf);
    const provisioned = await database.provision([{ service: LOG_SCHEMA, usesLog: false }, ...schemas.map((service) => ({ service }))]);
    const shared: Record<string, string> = { SALLYPORT_ROOT_KEY: randomBytes(32).toString('base64url') };
    const log = provisioned.get(LOG_SCHEMA);
    if (this.options.size === 'postgres-separate' && log !== undefined) {
      shared.SALLYPORT_LOG_DATABASE_URL = log.url;
      shared.SALLYPORT_LOG_MIGRATIONS_DATABASE_URL = log.migrationsUrl;
    }
    const urls = new Map<ClusterService, string>();
    for (const service of CLUSTER_SERVICES) {
      const port = service === 'edge-gateway' ? gatewayPort : await freePort();
      const url = `http://127.0.0.1:${port}`;
      urls.set(service, url);
      const own = provisioned.get(schemaOf(service));
      const variable = `SALLYPORT_${service.toUpperCase().replaceAll('-', '_')}`;
      const env = {
        ...shared,
        SALLYPORT_CONFIG: file,
        [`${variable}_DATABASE_URL`]: own?.url ?? '',
        [`${variable}_MIGRATIONS_DATABASE_URL`]: own?.migrationsUrl ?? '',
      };
      this.run(
        service,
        [this.options.programs?.[service] ?? programOf(service, this.options.bundled?.includes(service)), '--config', file],
        url,
        {
          ...env,
          SALLYPORT_PORT: String(port),
        },
      );
      if (service === 'edge-gateway') await this.startMoreEdges(file, env);
    }
    const addressOf = (service: ClusterService): string => urls.get(service) ?? '';
    return {
      policyUrl: addressOf('policy-decision'),
      auditUrl: addressOf('audit-projector'),
    };
  }

  private async startMoreEdges(file: string, env: Readonly<Record<string, string>>): Promise<void> {
    for (let n = 2; n <= (this.options.edges ?? 1); n++) {
      const port = await freePort();
      const own = { SALLYPORT_PORT: String(port), SALLYPORT_INSTANCE_ID: `edge-${n}` };
      this.run(`edge-gateway-${n}`, [programOf('edge-gateway'), '--config', file], `http://127.0.0.1:${port}`, { ...env, ...own });
    }
  }

  private run(name: string, command: readonly string[], url: string, env: Readonly<Record<string, string>>): void {
    const { otlp, env: extra, gatewayEnv } = this.options;
    const own = name === 'start' || name.startsWith('edge-gateway') ? gatewayEnv : {};
    const node = name === 'start' ? ONE_PROCESS : ONE_SERVICE;
    const process = new ServiceProcess({ name, node, command, url, cwd: this.folder, env: { ...env, ...otlp?.env, ...extra, ...own } });
    this.processes.set(name, process);
    process.start();
  }

  private cluster(parts: {
    readonly gatewayUrl: string;
    readonly policyUrl: string;
    readonly auditUrl: string;
    readonly issuer: string;
    readonly upstream: StoryUpstream;
    readonly trusted: TestIssuer;
    readonly stranger: TestIssuer;
    readonly kafka: KafkaBroker | undefined;
  }): Cluster {
    const { trusted, stranger, ...named } = parts;
    const token = (request: TokenRequest, from: 'trusted' | 'stranger' = 'trusted'): Promise<string> =>
      (from === 'trusted' ? trusted : stranger).sign(request);
    const fetchRaw = async (
      path: string,
      init: RequestInit,
      { base = named.gatewayUrl, read = 'all' }: RawFetchOptions = {},
    ): Promise<FetchedAnswer> => {
      const response = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(60_000), ...init });
      const { status, headers } = response;
      if (read === 'all') return { status, headers, text: await response.text() };
      await response.body?.cancel();
      return { status, headers, text: '' };
    };
    const office = (): Promise<string> => token({ subject: 'grace', scopes: [...STORY_SCOPES, ...OFFICE_SCOPES] });
    return {
      ...named,
      size: this.options.size,
      postgres: this.postgres,
      folder: this.folder,
      record: new RecordReader(named.auditUrl, office),
      token,
      fetchRaw,
      fetchAs: async (request, path, { method = 'GET', body, base } = {}) =>
        await fetchRaw(
          path,
          {
            method,
            headers: {
              authorization: `Bearer ${await token(request)}`,
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          },
          base === undefined ? {} : { base },
        ),
      service: (name) => {
        const process = this.processes.get(name) ?? this.processes.get('start');
        if (process === undefined) throw new Error(`there is no ${name}`);
        return process;
      },
      processes: () => [...this.processes.values()],
      output: () => [...this.processes.values()].flatMap((process) => process.lines),
      databaseUrl: () => this.databaseUrl(),
      admin: async <R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
        await withClient(this.databaseUrl(), async (client) => (await client.query<R>(text, [...values])).rows),
      killEmbeddedPostgres: () => killLeader(postmasterOf(embeddedClusterOf(this.folder))),
      refuseConnections: (name) => refuseConnections(this.databaseUrl(), this.options.size === 'embedded' ? '%' : `%${schemaOf(name)}`),
      replica: async (name, instanceId, program) => {
        const of = this.processes.get(name);
        if (of === undefined) throw new Error(`there is no process of ${name} alone`);
        const port = await freePort();
        const env = { SALLYPORT_PORT: String(port), SALLYPORT_INSTANCE_ID: instanceId };
        const address = { name: `${name}-${instanceId}`, url: `http://127.0.0.1:${port}`, env };
        const replica = of.beside(
          program === undefined ? address : { ...address, command: [program, '--config', join(this.folder, 'sallyport.yaml')] },
        );
        this.processes.set(replica.name, replica);
        return replica;
      },
      holdDecisions: async () => await holdRow(this.databaseUrl(), `LOCK TABLE ${EPOCH_TABLE} IN ACCESS EXCLUSIVE MODE`),
      close: () => this.close(),
    };
  }
}

const withClient = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url, application_name: 'sallyport-stories' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/** Locks what `text` selects until the returned function is called. */
const holdRow = async (url: string, text: string): Promise<() => Promise<void>> => {
  const client = new pg.Client({ connectionString: url, application_name: 'sallyport-stories' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('BEGIN');
  await client.query(text);
  let released = false;
  return async () => {
    if (released) return;
    released = true;
    await client.query('ROLLBACK');
    await client.end();
  };
};

/** Refuses roles of this database that fit a pattern of SQL, those that own schemas and superusers left out. */
const refuseConnections = async (url: string, pattern: string): Promise<() => Promise<void>> => {
  const limit = async (connections: number): Promise<void> => {
    await withClient(url, async (client) => {
      const { rows } = await client.query<{ rolname: string }>(
        `SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname LIKE current_database() || '\\_%'
            AND rolname NOT LIKE '%\\_owner' AND rolname LIKE $1`,
        [pattern],
      );
      if (rows.length === 0) throw new Error(`no role fits ${pattern}`);
      for (const { rolname } of rows) await client.query(`ALTER ROLE ${rolname} CONNECTION LIMIT ${connections}`);
      if (connections !== 0) return;
      await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY($1)', [
        rows.map((row) => row.rolname),
      ]);
    });
  };
  await limit(0);
  return () => limit(-1);
};

/** Where the embedded size keeps PostgreSQL's own data. */
const embeddedClusterOf = (folder: string): string => join(folder, '.sallyport', 'postgres', 'cluster');

const postmasterOf = (clusterFolder: string): number => Number(readFileSync(join(clusterFolder, 'postmaster.pid'), 'utf8').split('\n')[0]);

/** Kills a process and the group that it leads; resolves when it is gone. */
const killLeader = async (pid: number): Promise<void> => {
  process.kill(-pid, 'SIGKILL');
  await until(`process ${pid} is gone`, () => (existsSync(`/proc/${pid}/exe`) ? undefined : true));
};

/** Ends the PostgreSQL of a product process that was killed: it goes on without it, and its folder could not be removed. */
const endLeftPostgres = async (clusterFolder: string): Promise<void> => {
  const file = join(clusterFolder, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = postmasterOf(clusterFolder);
  try {
    // Immediate shutdown (PostgreSQL documentation, "Shutting Down the Server"); the data are thrown away.
    process.kill(pid, 'SIGQUIT');
  } catch {
    return;
  }
  await until('the PostgreSQL that was left is gone', () => (existsSync(file) ? undefined : true), 10_000);
};

/** The superuser's address of a running embedded PostgreSQL, from what it and we keep in its folder. */
const embeddedUrl = (clusterFolder: string): string => {
  const [, , , port = ''] = readFileSync(join(clusterFolder, 'postmaster.pid'), 'utf8').split('\n');
  const password = readFileSync(join(clusterFolder, 'sallyport-password'), 'utf8').trim();
  return `postgresql://sallyport:${password}@127.0.0.1:${port}/sallyport`;
};
