import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { AccessRule } from '@sallyport/contracts';
import { applyAccessRules } from '@sallyport/log';
import { brokerProperties } from './broker-properties.js';
import { type KafkaDistribution, kafkaDistribution } from './kafka-distribution.js';

const run = promisify(execFile);

export interface KafkaOptions {
  /** An empty folder for its log, which is left behind; default is one of its own that goes with it. */
  readonly dataFolder?: string;
  /** Properties of the broker, put over the harness's own. */
  readonly properties?: Readonly<Record<string, string | number>>;
  /** Adds a SASL_SSL listener (SCRAM-SHA-512 and PLAIN), and with it an authorizer that refuses what no entry allows. */
  readonly sasl?: { readonly users: Readonly<Record<string, string>>; readonly rules: readonly AccessRule[] };
  /** It compiles in full, as a broker does wherever it lives; else it starts sooner, and does the same work with more CPU. */
  readonly isLasting?: boolean;
}

/** A running broker of its own data, on ports of its own. */
export interface KafkaBroker {
  /** Plain listener, where everything is allowed. */
  readonly brokers: readonly string[];
  /** SASL_SSL listener; empty without `sasl`. */
  readonly saslBrokers: readonly string[];
  /** Certificate to trust on the SASL_SSL listener, PEM; empty without `sasl`. */
  readonly ca: string;
  /** Process id of the running broker; `undefined` while there is none. */
  readonly pid: number | undefined;
  /** Ends it cleanly and drops its data. */
  stop(): Promise<void>;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data, after `kill()` or instead of a running one. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
}

const START_TIMEOUT_MS = 180_000;

/** Starts a KRaft broker. Needs `kafkaAvailable().ok`; resolves when its listeners are open. */
export const startKafka = async (options: KafkaOptions = {}): Promise<KafkaBroker> => {
  const distribution = await kafkaDistribution();
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-kafka-'));
  const [plain, controller, sasl] = await Promise.all([freePort(), freePort(), freePort()]);
  const ports = { plain: plain ?? 0, controller: controller ?? 0, sasl: sasl ?? 0 };
  const secured = options.sasl === undefined ? undefined : await makeKeystore(folder);
  const propertiesFile = join(folder, 'server.properties');
  writeFileSync(
    propertiesFile,
    brokerProperties({
      dataFolder: options.dataFolder ?? join(folder, 'data'),
      ports,
      properties: options.properties ?? {},
      ...(secured === undefined ? {} : { sasl: { ...secured, users: options.sasl?.users ?? {} } }),
    }),
  );
  const scram = Object.entries(options.sasl?.users ?? {}).flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
  ]);
  const id = randomBytes(16).toString('base64url');
  await run('java', [
    ...['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', distribution.classPath, 'kafka.tools.StorageTool'],
    // One id in 64 begins with a dash and would be taken for an option.
    ...['format', `--cluster-id=${id}`, '-c', propertiesFile, ...scram],
  ]);
  const broker = new BrokerProcess(distribution, folder, propertiesFile, ports.plain, options.isLasting ?? false);
  await broker.start();
  const brokers = [`127.0.0.1:${ports.plain}`];
  if (options.sasl !== undefined) await applyAccessRules({ brokers }, options.sasl.rules);
  return {
    brokers,
    saslBrokers: options.sasl === undefined ? [] : [`localhost:${ports.sasl}`],
    ca: secured?.certificate ?? '',
    get pid() {
      return broker.pid;
    },
    stop: () => broker.stop(),
    kill: () => broker.kill(),
    restart: async () => {
      await broker.kill();
      await broker.start();
    },
    pause: () => broker.signal('SIGSTOP'),
    resume: () => broker.signal('SIGCONT'),
  };
};

class BrokerProcess {
  private child: ChildProcess | undefined;
  private output = '';
  private recorded: string | undefined;
  private readonly onExit = (): void => void this.child?.kill('SIGKILL');

  constructor(
    private readonly distribution: KafkaDistribution,
    private readonly folder: string,
    private readonly propertiesFile: string,
    private readonly port: number,
    private readonly isLasting: boolean,
  ) {}

  async start(): Promise<void> {
    const { classPath, classArchive } = this.distribution;
    const hasArchive = existsSync(classArchive);
    // Writing the archive at exit costs seconds once and saves them at every start after.
    this.recorded = hasArchive ? undefined : `${classArchive}.${process.pid}`;
    const sharing = hasArchive ? `-XX:SharedArchiveFile=${classArchive}` : `-XX:ArchiveClassesAtExit=${this.recorded}`;
    const compiler = this.isLasting ? [] : ['-XX:TieredStopAtLevel=1'];
    const child = spawn(
      'java',
      ['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', ...compiler, sharing, '-cp', classPath, 'kafka.Kafka', this.propertiesFile],
      { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder },
    );
    this.child = child;
    process.once('exit', this.onExit);
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-8_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await isOpen(this.port))) {
      if (child.exitCode !== null) throw new Error(`the broker ended with ${child.exitCode}:\n${this.output}`);
      if (performance.now() > deadline) throw new Error(`the broker did not open its port:\n${this.output}`);
      await delay(50);
    }
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    if (this.recorded !== undefined && existsSync(this.recorded)) renameSync(this.recorded, this.distribution.classArchive);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = undefined;
    process.off('exit', this.onExit);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    const hurry = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await gone;
    clearTimeout(hurry);
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const makeKeystore = async (folder: string): Promise<{ keystore: string; password: string; certificate: string }> => {
  const keystore = join(folder, 'broker.p12');
  const password = randomBytes(18).toString('base64url');
  const certificateFile = join(folder, 'broker.pem');
  const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', password, '-alias', 'broker'];
  await run('keytool', [
    ...['-genkeypair', ...store, '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '2', '-dname', 'CN=localhost'],
    ...['-ext', 'SAN=dns:localhost,ip:127.0.0.1', '-ext', 'BC=ca:true'],
  ]);
  await run('keytool', ['-exportcert', '-rfc', ...store, '-file', certificateFile]);
  return { keystore, password, certificate: readFileSync(certificateFile, 'utf8') };
};
