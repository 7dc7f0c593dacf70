import { scopesInForce } from '@sallyport/domain';
import { openServiceRuntime, type ProcessRuntime, type ServicePart } from '@sallyport/log';
import { approvalRulesOf, identityDirectoryOf, type ServiceUrls } from '@sallyport/platform';
import { approvalMigrations } from './approval.migrations.js';
import { ApprovalModule } from './approval.module.js';

/** The approval service as a part of a process: its store opened, its declared rules read. Throws as `openServiceRuntime` does. */
export const approvalPart = async (shared: ProcessRuntime, urls?: ServiceUrls): Promise<ServicePart> => {
  const { configuration } = shared;
  const sealer = shared.sealer();
  const runtime = await openServiceRuntime(shared, 'approval', approvalMigrations(), urls);
  const { database, log, clock, ids, telemetry, authenticator, logger } = runtime;
  return {
    runtime,
    module: ApprovalModule.forRoot({
      ...{ database, log, sealer, clock, ids, telemetry },
      logInSameDatabase: configuration.log.kind === 'postgres' && configuration.log.postgres.url === undefined,
      authenticate: async (authorization) => {
        const principal = await authenticator.authenticate({ authorization }, configuration.gateway.publicUrl);
        const { effective } = scopesInForce(principal, identityDirectoryOf(configuration, principal.tenantId));
        return { ...principal, scopes: [...effective] };
      },
      tenants: configuration.tenants.map(({ id }) => ({ tenantId: id, rules: approvalRulesOf(configuration, id) })),
      instance: configuration.gateway.instanceId,
      onFault: (what, err) => logger.error({ err }, what),
    }),
  };
};
