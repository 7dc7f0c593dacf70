import type { Database, Sql, TransactionOptions } from '@sallyport/platform';

/** Sets whose rows this transaction may see, for the row-level security of every table that tenants share. */
const SCOPE = { name: 'audit-tenant-scope', text: `SELECT set_config('sallyport.tenant', $1, true)` };

/** No tenant is called so: `TenantId` begins with a letter or a digit. */
const EVERY_TENANT = '*';

/**
 * Runs `work` where only the rows of one tenant exist, whatever its statements say. Nothing of the setting outlives the transaction.
 * Throws `store.unavailable`.
 */
export const asTenant = <T>(database: Database, tenantId: string, work: (tx: Sql) => Promise<T>): Promise<T> =>
  database.transaction(async (tx) => {
    await tx.query({ ...SCOPE, values: [tenantId] });
    return work(tx);
  });

/** Runs `work` over the rows of all tenants: for the projection, the verification and nothing that answers a person. Throws `store.unavailable`. */
export const acrossTenants = <T>(database: Database, work: (tx: Sql) => Promise<T>, options?: TransactionOptions): Promise<T> =>
  database.transaction(async (tx) => {
    await tx.query({ ...SCOPE, values: [EVERY_TENANT] });
    return work(tx);
  }, options);
