import { openServiceRuntime, type ProcessRuntime, type ServicePart } from '@sallyport/log';
import { identityDirectoryOf, type ServiceUrls } from '@sallyport/platform';
import { policyDecisionMigrations } from './policy-decision.migrations.js';
import { PolicyDecisionModule } from './policy-decision.module.js';
import { readCatalogFolder, readPolicyFolder } from './state/declared-folders.js';

/** The decision point as a part of a process: its store opened, its declared files read. Throws as `openServiceRuntime` and `readPolicyFolder` do. */
export const policyDecisionPart = async (shared: ProcessRuntime, urls?: ServiceUrls): Promise<ServicePart> => {
  const { configuration } = shared;
  const [policies, catalog] = await Promise.all([
    readPolicyFolder(configuration.policies.folder),
    readCatalogFolder(configuration.catalog.folder),
  ]);
  const sealer = shared.sealer();
  const runtime = await openServiceRuntime(shared, 'policy-decision', policyDecisionMigrations(), urls);
  const { database, log, clock, ids, telemetry, authenticator, logger } = runtime;
  return {
    runtime,
    module: PolicyDecisionModule.forRoot({
      db: database,
      log,
      logInSameDatabase: configuration.log.kind === 'postgres' && configuration.log.postgres.url === undefined,
      sealer,
      clock,
      ids,
      telemetry,
      authenticator: { authenticate: (authorization) => authenticator.authenticate({ authorization }, configuration.gateway.publicUrl) },
      tenants: configuration.tenants.map(({ id }) => ({ id, identity: identityDirectoryOf(configuration, id), policies, catalog })),
      instanceId: configuration.gateway.instanceId,
      onFault: (what, err) => logger.error({ err }, what),
    }),
  };
};
