import type { Principal } from '@sallyport/contracts';
import type { IdentityDirectory } from '@sallyport/domain';
import type { EventLog } from '@sallyport/log';
import type { Clock, Database, HealthRegistry, IdSource, IssuerSettings, Logger, Sealer, Telemetry } from '@sallyport/platform';
import type { ConsoleSettings } from './console-session/console-settings.js';
import type { EdgeSettings } from './edge-settings.js';
import type { SigningKey } from './tokens/own-token-minter.adapter.js';
import type { UpstreamSettings } from './upstreams/upstream-directory.js';

/** Everything the gateway needs from outside. The composition root picks the adapters and keeps them: it closes what it opened. */
export interface EdgeGatewayPorts {
  readonly settings: EdgeSettings;
  readonly issuers: readonly IssuerSettings[];
  readonly consoleSettings: ConsoleSettings;
  /** The scopes that a principal has by its token, its person and its agents together. */
  readonly scopesInForce: (principal: Principal) => readonly string[];
  /** Who may do what at most in a tenant. */
  readonly directoryOf: (tenantId: string) => IdentityDirectory;
  readonly upstreams: readonly UpstreamSettings[];
  readonly log: EventLog;
  /** With `EDGE_GATEWAY_MIGRATIONS` applied. */
  readonly database: Database;
  readonly sealer: Sealer;
  readonly signingKey: SigningKey;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly health: HealthRegistry;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** What the gateway says its version is. */
  readonly version: string;
}
