import { scopesInForce } from '@sallyport/domain';
import { openServiceRuntime, type ProcessRuntime, type ServicePart } from '@sallyport/log';
import { identityDirectoryOf, type ServiceUrls } from '@sallyport/platform';
import { auditMigrations } from './audit-migrations.js';
import { AuditProjectorModule } from './audit-projector.module.js';
import { checkpointKeyFromFile } from './checkpoints/checkpoint-key.js';

/** The projector as a part of a process: its store and its checkpoint key opened. Throws as `openServiceRuntime` and `checkpointKeyFromFile` do. */
export const auditProjectorPart = async (shared: ProcessRuntime, urls?: ServiceUrls): Promise<ServicePart> => {
  const { configuration } = shared;
  const checkpointKey = await checkpointKeyFromFile(configuration.audit.signingKeyFile);
  const runtime = await openServiceRuntime(shared, 'audit-projector', auditMigrations(), urls);
  const { database, log, clock, ids, telemetry, authenticator, logger } = runtime;
  return {
    runtime,
    module: AuditProjectorModule.forRoot({
      database,
      log,
      logInSameDatabase: configuration.log.kind === 'postgres' && configuration.log.postgres.url === undefined,
      authenticate: async (authorization) => {
        const principal = await authenticator.authenticate({ authorization }, configuration.gateway.publicUrl);
        const { effective } = scopesInForce(principal, identityDirectoryOf(configuration, principal.tenantId));
        return { ...principal, scopes: [...effective] };
      },
      checkpointKey,
      clock,
      ids,
      telemetry,
      instance: configuration.gateway.instanceId,
      checkpointSeconds: configuration.audit.checkpointSeconds,
      traceUrlTemplate: configuration.audit.traceUrlTemplate,
      onFault: ({ doing, error, ...place }) => logger.error({ err: error, doing, ...place }, 'the record is behind'),
    }),
  };
};
