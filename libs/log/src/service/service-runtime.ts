import { randomBytes } from 'node:crypto';
import type { Service } from '@sallyport/contracts';
import { AppError } from '@sallyport/contracts';
import {
  Authenticator,
  type Clock,
  createLogger,
  type Database,
  HealthRegistry,
  type IdSource,
  isSafeOnTheWay,
  type KeySet,
  type Logger,
  localKeySet,
  type MigrationClass,
  openDatabase,
  openSealer,
  ownUrlsOf,
  remoteKeySet,
  rootKeyOfConfiguration,
  type SallyportConfiguration,
  type Sealer,
  type ServiceUrls,
  startTelemetry,
  systemClock,
  systemIdSource,
  type Telemetry,
} from '@sallyport/platform';
import type { EventLog } from '../event-log.port.js';
import { connectionsOf } from './status/service-status.js';

/** Version that telemetry and protocol answers name. */
export const PRODUCT_VERSION = '0.1.0';

/** What the services of one process share. */
export interface ProcessRuntime {
  readonly configuration: SallyportConfiguration;
  readonly log: EventLog;
  /**
   * Opens the root key when it is first asked for, so that a service which seals nothing is given no key. Throws `configuration.invalid` for one
   * that cannot be had.
   */
  sealer(): Sealer;
  readonly authenticator: Authenticator;
  readonly health: HealthRegistry;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly version: string;
  /** Of this run of the process: eight characters. */
  readonly runId: string;
  /** Whether several services run in this process. */
  readonly sharesProcess: boolean;
}

/** What one service has for itself beside what it shares. */
export interface ServiceRuntime extends ProcessRuntime {
  readonly service: Service;
  readonly database: Database;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Closes the database and sends the last spans; the log is the process's. */
  close(): Promise<void>;
}

/** The keys that the gateway publishes, where the configuration says so or below the public URL; none where others could answer in its place. */
const publishedKeysOf = ({ publicUrl, jwksUrl }: SallyportConfiguration['gateway']): KeySet => {
  if (jwksUrl !== undefined) return remoteKeySet(jwksUrl);
  return isSafeOnTheWay(publicUrl) ? remoteKeySet(`${publicUrl}/.well-known/jwks.json`) : localKeySet({ keys: [] });
};

/** Puts together what all services of a process share. */
export const openProcessRuntime = (options: {
  readonly configuration: SallyportConfiguration;
  readonly log: EventLog;
  /** Where a root key is made when none is configured: the embedded default alone has such a folder. */
  readonly dataFolder?: string;
  readonly sharesProcess: boolean;
  /** Keys of the gateway where it runs in this process; elsewhere it publishes them. */
  readonly consoleKeys?: KeySet;
}): ProcessRuntime => {
  const { configuration, log, dataFolder, sharesProcess } = options;
  const { publicUrl } = configuration.gateway;
  const clock = systemClock;
  let sealer: Sealer | undefined;
  return {
    configuration,
    log,
    sealer: () => {
      sealer ??= openSealer({
        rootKey: rootKeyOfConfiguration(configuration, { env: process.env, ...(dataFolder === undefined ? {} : { dataFolder }) }),
        clock,
      });
      return sealer;
    },
    authenticator: new Authenticator({
      issuers: configuration.identity.issuers,
      tenants: configuration.tenants.map(({ id }) => id),
      publicUrl,
      consoleKeys: options.consoleKeys ?? publishedKeysOf(configuration.gateway),
      clock,
    }),
    health: new HealthRegistry(clock),
    clock,
    ids: systemIdSource,
    version: PRODUCT_VERSION,
    runId: randomBytes(4).toString('hex'),
    sharesProcess,
  };
};

/**
 * Opens what one service has for itself: its schema (migrations run), its logger, its telemetry.
 * Throws `configuration.invalid` without an address for it, and `store.unavailable`.
 */
export const openServiceRuntime = async (
  runtime: ProcessRuntime,
  service: Service,
  migrations: readonly MigrationClass[],
  urls?: ServiceUrls,
): Promise<ServiceRuntime> => {
  const { database: settings } = runtime.configuration;
  const own = urls ?? ownUrlsOf(runtime.configuration, service);
  if (own === undefined) throw new AppError('configuration.invalid', `database.urls.${service}: the service has no database`);
  const database = await openDatabase({
    ...own,
    schema: service.replaceAll('-', '_'),
    applicationName: connectionsOf(service, runtime.runId),
    migrations,
    poolMax: settings.maxConnectionsPerService,
    connectTimeoutMs: settings.connectTimeoutMs,
    statementTimeoutMs: settings.statementTimeoutMs,
  });
  const logger = createLogger(service, { pretty: runtime.sharesProcess && process.stdout.isTTY === true });
  const telemetry = await startTelemetry({
    service,
    version: runtime.version,
    env: process.env,
    sharesProcess: runtime.sharesProcess,
    onExportError: (err) => logger.warn({ err }, 'telemetry could not be sent'),
  });
  runtime.health.register(`${service}.database`, () => database.isHealthy());
  return {
    ...runtime,
    service,
    database,
    logger,
    telemetry,
    close: async () => {
      await telemetry.shutdown();
      await database.close();
    },
  };
};
