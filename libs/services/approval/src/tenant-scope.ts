import type { Database, Sql } from '@sallyport/platform';

/** Sets whose rows this transaction may see, for the row-level security of every table. */
const SCOPE = { name: 'approval-tenant-scope', text: `SELECT set_config('sallyport.tenant', $1, true)` };

/** No tenant is called so: `TenantId` begins with a letter or a digit. */
const EVERY_TENANT = '*';

const inScope = <T>(database: Database, scope: string, work: (tx: Sql) => Promise<T>): Promise<T> =>
  database.transaction(async (tx) => {
    await tx.query({ ...SCOPE, values: [scope] });
    return work(tx);
  });

/** Runs `work` where only the rows of one tenant exist, whatever its statements say. Throws `store.unavailable`. */
export const asTenant = <T>(database: Database, tenantId: string, work: (tx: Sql) => Promise<T>): Promise<T> =>
  inScope(database, tenantId, work);

/** Runs `work` over the rows of all tenants: for what the log brings and what the clock ends, never for a person. Throws `store.unavailable`. */
export const acrossTenants = <T>(database: Database, work: (tx: Sql) => Promise<T>): Promise<T> => inScope(database, EVERY_TENANT, work);
