import { AppError, type PolicyFiles } from '@sallyport/contracts';
import type { IdentityDirectory, PolicyFault } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';
import { compileCedar } from '../policy-set/cedar-policy-set.js';
import { readPolicyFiles } from '../policy-set/policy-bundle.js';
import { runPolicyTests } from '../policy-set/policy-tests.js';
import type { AnyChangeRecord } from './changes.js';

/** A set that compiled and passed its own tests. */
export interface CheckedPolicies {
  readonly hash: string;
  readonly policyIds: readonly string[];
  readonly files: PolicyFiles;
  readonly identity: IdentityDirectory;
}

/** Compiles a policy set and runs its tests. Answers every fault there is, or the set ready to be stored. */
export const checkPolicies = (
  files: PolicyFiles,
  identity: IdentityDirectory,
): { readonly checked: CheckedPolicies } | { readonly faults: readonly PolicyFault[] } => {
  const { bundle, faults } = readPolicyFiles(files);
  const outcome = compileCedar(bundle, identity);
  if (faults.length > 0 || !outcome.ok) return { faults: [...faults, ...(outcome.ok ? [] : outcome.faults)] };
  const report = runPolicyTests(bundle.tests, outcome.set);
  if (report.failures.length > 0) return { faults: report.failures };
  return { checked: { hash: outcome.set.hash, policyIds: outcome.set.policyIds, files, identity } };
};

/** Faults in the words of an error: a line each. */
export const faultLines = (faults: readonly PolicyFault[]): string[] =>
  faults.map(({ file, policyId, message }) => `${file}${policyId === null ? '' : ` (${policyId})`}: ${message}`);

/** The error for a set with faults; `policy.invalid` names them all to whoever may change policies. */
export const policyInvalid = (faults: readonly PolicyFault[]): AppError =>
  new AppError('policy.invalid', `${faults.length} faults`, { detail: { faults: faultLines(faults).slice(0, 200) } });

/** Puts a set in force within a change. Answers its events; none when it is in force already. */
export const putPolicies = async (
  tx: Sql,
  change: { readonly tenantId: string; readonly epoch: number; readonly by: string; readonly why: string },
  policies: CheckedPolicies,
): Promise<AnyChangeRecord[]> => {
  const { tenantId, epoch, by, why } = change;
  const { rows } = await tx.query<{ hash: string; files: string }>(
    'SELECT hash, files FROM policy_version WHERE tenant_id = $1 ORDER BY epoch DESC LIMIT 1',
    [tenantId],
  );
  const before = rows[0];
  const files = JSON.stringify(policies.files);
  if (before?.hash === policies.hash && before.files === files) return [];
  await tx.query(
    'INSERT INTO policy_version (tenant_id, epoch, hash, files, identity, changed_by, why) VALUES ($1, $2, $3, $4, $5, $6, $7)',
    [tenantId, epoch, policies.hash, files, JSON.stringify(policies.identity), by, why],
  );
  const policyIds = policies.policyIds.slice(0, 5000);
  return [
    {
      type: 'PolicyChanged',
      tenantId,
      id: 'policy-set',
      data: { before: before?.hash ?? null, after: policies.hash, epoch, changedBy: by, why, policyIds },
    },
    { type: 'PolicySetInForce', tenantId, id: 'policy-set', data: { policySetHash: policies.hash, epoch, policyIds } },
  ];
};
