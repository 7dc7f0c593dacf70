export { Authenticator, type AuthenticatorOptions } from './authentication/authenticator.js';
export {
  admittedSessionOf,
  type ConsoleCookieNames,
  ConsoleCookies,
  checkCsrf,
  checkOwnPage,
  consoleCookieNamesOf,
  cookieOf,
} from './authentication/console-cookies.js';
export {
  CONSOLE_CLIENT_ID,
  CONSOLE_TOKEN_SECONDS,
  CONSOLE_TOKEN_TYPE,
  type ConsoleClaims,
  consoleAudienceOf,
  csrfDigestOf,
} from './authentication/console-token.js';
export type { IssuerSettings } from './authentication/issuer-settings.js';
export { localKeySet, remoteKeySet } from './authentication/key-set.adapters.js';
export type { KeySet } from './authentication/key-set.port.js';
export { admitOffice } from './authentication/office-principal.js';
export { type Clock, systemClock } from './clock/clock.port.js';
export { decisionIdOf, derivedId } from './clock/derived-id.js';
export { type IdSource, systemIdSource } from './clock/id-source.port.js';
export { approvalRulesOf, type ConfiguredApprovalRule } from './configuration/approval-rules.js';
export { ConfigurationError, type ConfigurationFault } from './configuration/configuration-error.js';
export { configurationInForce, type SettingInForce } from './configuration/configuration-in-force.js';
export { ENVIRONMENT_OVERRIDES, type EnvironmentOverride } from './configuration/environment-overrides.js';
export { actorOf, type ConfiguredIdentities, identityDirectoryOf, subjectOf } from './configuration/identity-directory.js';
export { type LoadConfigurationOptions, loadConfiguration, parseConfiguration } from './configuration/load-configuration.js';
export { configurationJsonSchema, type SallyportConfiguration } from './configuration/schema.js';
export { ownUrlsOf, type RootKeyPlace, rootKeyOfConfiguration } from './configuration/sources.js';
export { isSafeOnTheWay } from './configuration/values.js';
export { bigintArray, intArray, textArray } from './database/binary-arrays.js';
export type { MigrationClass } from './database/migrations.js';
export { type DatabaseOptions, openDatabase } from './database/postgres-database.js';
export {
  grantToLogClients,
  LOG_SCHEMA,
  provisionServices,
  revokeFromService,
  type ServiceToProvision,
  type ServiceUrls,
} from './database/provisioning.js';
export type { Database, Listening, ListenOptions, Sql, SqlResult, SqlStatement, TransactionOptions } from './database/sql.js';
export { isConnectionFault } from './database/store-error.js';
export { Tail, type TailStep } from './database/tail.js';
export {
  EMBEDDED_DATABASE,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres/embedded-postgres.js';
export { createOnce } from './files/create-once.js';
export { HealthController, HealthModule } from './health/health.module.js';
export { type HealthCheck, HealthRegistry, type Readiness } from './health/health-registry.js';
export { type StopOptions, stopOnSignals } from './health/stop-on-signals.js';
export { AppErrorFilter, type AppErrorFilterOptions, type ErrorReply, type ErrorRequest, toAppError } from './http/app-error.filter.js';
export { ConnectionFaults } from './http/connection-faults.js';
export { discardRest } from './http/discard-rest.js';
export { parseInput } from './http/parse-input.js';
export { noteRefusal } from './http/refused-requests.js';
export type { Rejection, RejectionRecord } from './http/rejection.port.js';
export { checkBody, checkHead, holdsNul } from './http/request-rules.js';
export { TurnedAway, type TurnedAwayOptions } from './http/turned-away.js';
export { type ErrorFields, errorFields } from './logging/error-fields.js';
export { createLogger, type Logger, type LoggerOptions } from './logging/logger.js';
export {
  type KeyManagementService,
  type RootKeyFileOptions,
  rootKeyFromEnvironment,
  rootKeyFromFile,
  rootKeyFromKms,
  type WrappedRootKeyVersion,
} from './sealing/root-key.adapters.js';
export { parseRootKey, type RootKey, type RootKeyVersion, rootKeyOf } from './sealing/root-key.port.js';
export { openSealer, type Sealer, type SealerOptions } from './sealing/sealer.js';
export { ATTRIBUTES, type AttributeName, type Attributes, type AttributeValue, SCHEMA_URL } from './telemetry/attributes.js';
export { type AddingInstrument, INSTRUMENTS, type Meters, noMeters, type RecordingInstrument } from './telemetry/instruments.js';
export {
  quietTelemetry,
  type Span,
  type SpanEnd,
  type SpanKind,
  type SpanOptions,
  startTelemetry,
  type Telemetry,
  type TelemetryOptions,
} from './telemetry/telemetry.js';
export { formatTraceparent, parseTraceparent, type TraceContext } from './telemetry/traceparent.js';
