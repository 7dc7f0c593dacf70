import { AppError, type PolicyFiles } from '@sallyport/contracts';
import { type IdentityDirectory, observeDefinition, type PolicyFault } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';
import { type CatalogFiles, readCatalogFiles } from '../catalog/catalog-file.js';
import { declaredTool, forgottenTool, readTools, sameTool, writeTool } from '../catalog/tool-store.js';
import { digestOf } from '../policy-set/policy-bundle.js';
import type { AnyChangeRecord, Changes } from './changes.js';
import { type CheckedPolicies, checkPolicies, faultLines, putPolicies } from './policy-versions.js';

/** One tenant as files under version control declare it. */
export interface DeclaredTenant {
  readonly id: string;
  readonly identity: IdentityDirectory;
  readonly policies: PolicyFiles;
  readonly catalog: CatalogFiles;
}

const BY = 'system:declared-files';
const WHY = 'the declared files changed';

interface CheckedTenant {
  readonly id: string;
  readonly policyHash: string;
  readonly catalogHash: string;
  readonly policies: CheckedPolicies;
  readonly catalog: ReturnType<typeof readCatalogFiles>;
}

/** Checks all that is declared, as a whole: answers every fault of every tenant, empty when there is none. Touches nothing. */
export const declaredFaults = (tenants: readonly DeclaredTenant[]): string[] => {
  const faults: PolicyFault[] = [];
  checkTenants(tenants, faults);
  return [...new Set(faultLines(faults))];
};

/**
 * Puts declared state in force where it differs from what was declared last; what was changed at run time since stays until the files change.
 * Replicas that start together do it once. A tenant that is no longer declared is unknown from then on.
 * Throws `configuration.invalid` with every fault and nothing applied.
 */
export const applyDeclared = async (changes: Changes, tenants: readonly DeclaredTenant[]): Promise<void> => {
  const faults: PolicyFault[] = [];
  const checked = checkTenants(tenants, faults);
  if (faults.length > 0) throw new AppError('configuration.invalid', [...new Set(faultLines(faults))].join('\n'));
  await changes.apply({ by: BY }, async (tx, epoch) => {
    const { rows } = await tx.query<{ id: string; active: boolean; declared_policy_hash: string; declared_catalog_hash: string }>(
      'SELECT id, active, declared_policy_hash, declared_catalog_hash FROM tenant',
    );
    const known = new Map(rows.map((row) => [row.id, row]));
    const records: AnyChangeRecord[] = [];
    let changed = 0;
    for (const tenant of checked) {
      const before = known.get(tenant.id);
      known.delete(tenant.id);
      const policiesDiffer = before?.declared_policy_hash !== tenant.policyHash;
      const catalogDiffers = before?.declared_catalog_hash !== tenant.catalogHash;
      if (before?.active === true && !policiesDiffer && !catalogDiffers) continue;
      changed += 1;
      await tx.query(
        `INSERT INTO tenant (id, active, declared_policy_hash, declared_catalog_hash, epoch) VALUES ($1, true, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET active = true, declared_policy_hash = $2, declared_catalog_hash = $3, epoch = $4`,
        [tenant.id, tenant.policyHash, tenant.catalogHash, epoch],
      );
      if (policiesDiffer) records.push(...(await putPolicies(tx, { tenantId: tenant.id, epoch, by: BY, why: WHY }, tenant.policies)));
      if (catalogDiffers) records.push(...(await putCatalog(tx, tenant, epoch)));
    }
    for (const [id, { active }] of known) {
      if (!active) continue;
      changed += 1;
      await tx.query('UPDATE tenant SET active = false, epoch = $2 WHERE id = $1', [id, epoch]);
    }
    return changed === 0 ? null : { records, result: undefined };
  });
};

const checkTenants = (tenants: readonly DeclaredTenant[], faults: PolicyFault[]): CheckedTenant[] =>
  tenants.flatMap(({ id, identity, policies, catalog }) => {
    const read = readCatalogFiles(catalog);
    faults.push(...read.faults.map((fault) => ({ ...fault, file: `catalog/${fault.file}` })));
    const outcome = checkPolicies(policies, identity);
    if ('faults' in outcome) {
      faults.push(...outcome.faults.map((fault) => ({ ...fault, file: `policies/${fault.file}` })));
      return [];
    }
    return [{ id, policyHash: digestOf({ policies, identity }), catalogHash: digestOf(catalog), policies: outcome.checked, catalog: read }];
  });

const putCatalog = async (tx: Sql, { id: tenantId, catalog }: CheckedTenant, epoch: number): Promise<AnyChangeRecord[]> => {
  const change = { epoch, by: BY, why: WHY };
  const records: AnyChangeRecord[] = [];
  const stored = await readTools(tx, tenantId);
  for (const server of catalog.servers) {
    await tx.query(
      'INSERT INTO catalog_server (tenant_id, server, epoch) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, server) DO UPDATE SET epoch = $3',
      [tenantId, server, epoch],
    );
  }
  for (const declared of catalog.tools) {
    const before = stored.get(declared.id);
    stored.delete(declared.id);
    const merged = declaredTool(tenantId, declared, before);
    const seen = merged.state.observed;
    const outcome = seen === null ? { state: merged.state, facts: [] } : observeDefinition(merged.state, seen);
    const after = { ...merged, state: outcome.state };
    if (before !== undefined && sameTool(before, after)) continue;
    records.push(...(await writeTool(tx, change, before ?? null, after, outcome.facts)));
  }
  for (const before of stored.values()) {
    if (before.declared) records.push(...(await writeTool(tx, change, before, forgottenTool(before), [])));
  }
  return records;
};
