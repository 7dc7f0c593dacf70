import type { BudgetLimit } from '@sallyport/contracts';
import { scopesInForce } from '@sallyport/domain';
import { openServiceRuntime, type ProcessRuntime, type ServicePart } from '@sallyport/log';
import { identityDirectoryOf, type SallyportConfiguration, type ServiceUrls } from '@sallyport/platform';
import { budgetAccountantMigrations } from './budget-accountant.migrations.js';
import { BudgetAccountantModule } from './budget-accountant.module.js';
import type { DeclaredBudgets } from './budget-accountant.ports.js';

/** The accountant as a part of a process: its store opened, its declared limits at hand. Throws as `openServiceRuntime` does. */
export const budgetAccountantPart = async (shared: ProcessRuntime, urls?: ServiceUrls): Promise<ServicePart> => {
  const { configuration } = shared;
  const runtime = await openServiceRuntime(shared, 'budget-accountant', budgetAccountantMigrations(), urls);
  const { database, log, clock, ids, telemetry, authenticator, logger } = runtime;
  return {
    runtime,
    module: BudgetAccountantModule.forRoot({
      database,
      log,
      logInSameDatabase: configuration.log.kind === 'postgres' && configuration.log.postgres.url === undefined,
      clock,
      ids,
      telemetry,
      authenticator: {
        authenticate: async (authorization) => {
          const principal = await authenticator.authenticate({ authorization }, configuration.gateway.publicUrl);
          const { effective } = scopesInForce(principal, identityDirectoryOf(configuration, principal.tenantId));
          return { ...principal, scopes: [...effective] };
        },
      },
      declared: declaredBudgetsOf(configuration),
      instanceId: configuration.gateway.instanceId,
      holdGraceSeconds: configuration.budget.holdGraceSeconds,
      inDoubtAfterSeconds: configuration.budget.inDoubtAfterSeconds,
      onFault: (what, err) => logger.error({ err }, what),
    }),
  };
};

/** The `budget` section, by tenant and account. A tenant without limits is there too: what it declared before is gone then. */
export const declaredBudgetsOf = ({ tenants, budget }: Pick<SallyportConfiguration, 'tenants' | 'budget'>): DeclaredBudgets[] =>
  tenants.map(({ id: tenantId }) => {
    const limits = new Map<string, BudgetLimit>();
    for (const { tenant, account, window, maxMicros, currency, maxCalls } of budget.limits) {
      if (tenant !== tenantId) continue;
      const money = maxMicros === undefined || currency === undefined ? {} : { maxMicros, currency };
      limits.set(account, { ...limits.get(account), [window]: { ...money, ...(maxCalls === undefined ? {} : { maxCalls }) } });
    }
    return { tenantId, limits };
  });
