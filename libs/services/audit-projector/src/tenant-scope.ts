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
  database.transaction((tx) => work(tx), { opening: (tx) => tx.query({ ...SCOPE, values: [tenantId] }) });

/** Runs `work` over the rows of all tenants: for the projection, the verification and nothing that answers a person. Throws `store.unavailable`. */
export const acrossTenants = <T>(database: Database, work: (tx: Sql) => Promise<T>, options: TransactionOptions = {}): Promise<T> =>
  acrossTenantsOpening(database, async () => {}, work, options);

/** The same, with what `opening` reads and locks handed to `work`: see `TransactionOptions`. */
export const acrossTenantsOpening = <O, T>(
  database: Database,
  opening: (tx: Sql) => Promise<O>,
  work: (tx: Sql, opened: O) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> =>
  database.transaction((tx, [, opened]) => work(tx, opened), {
    ...options,
    opening: (tx) => Promise.all([tx.query({ ...SCOPE, values: [EVERY_TENANT] }), opening(tx)]),
  });
