import {
  AppError,
  type PolicyChangeNote,
  PolicyFiles,
  type PolicyTestResult,
  type PolicyTestRun,
  type PolicyVersion,
  type PolicyVersionQuery,
  type PolicyVersions,
} from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import { readPolicyTexts } from '../policy-set/cedar-policy-set.js';
import { readPolicyFiles } from '../policy-set/policy-bundle.js';
import { policyTestResults } from '../policy-set/policy-tests.js';
import type { TenantState } from '../state/tenant-state.js';

interface VersionRow {
  readonly epoch: string;
  readonly hash: string;
  readonly changed_by: string;
  readonly why: string;
  readonly changed_at: Date;
}

const COLUMNS = 'epoch, hash, changed_by, why, changed_at';

const noteOf = (row: VersionRow): PolicyChangeNote => ({
  epoch: Number(row.epoch),
  policySetHash: row.hash,
  changedBy: row.changed_by,
  why: row.why,
  changedAt: row.changed_at.toISOString(),
});

/** The change before an epoch that put a set in force; `null` where there is none. Throws `store.unavailable`. */
const changeBefore = async (db: Sql, tenantId: string, epoch: number): Promise<PolicyChangeNote | null> => {
  const { rows } = await db.query<VersionRow>(
    `SELECT ${COLUMNS} FROM policy_version WHERE tenant_id = $1 AND epoch < $2 ORDER BY epoch DESC LIMIT 1`,
    [tenantId, epoch],
  );
  return rows[0] === undefined ? null : noteOf(rows[0]);
};

/** The change that put the set in force that is in force now. Throws `store.unavailable`. */
export const lastPolicyChange = (db: Sql, tenantId: string): Promise<PolicyChangeNote | null> =>
  changeBefore(db, tenantId, Number.MAX_SAFE_INTEGER);

/** The sets that were in force, newest first. Throws `store.unavailable`. */
export const findPolicyVersions = async (db: Sql, tenantId: string, { cursor, limit }: PolicyVersionQuery): Promise<PolicyVersions> => {
  const { rows } = await db.query<VersionRow>(
    `SELECT ${COLUMNS} FROM policy_version WHERE tenant_id = $1 AND epoch < $2 ORDER BY epoch DESC LIMIT $3`,
    [tenantId, cursor ?? Number.MAX_SAFE_INTEGER, limit + 1],
  );
  const versions = rows.slice(0, limit).map(noteOf);
  return { versions, nextCursor: rows.length > limit ? String(versions.at(-1)?.epoch) : null };
};

/** A set as it was, by its hash or by its number. Throws `request.not-found`, `store.unavailable`. */
export const showPolicyVersion = async (db: Sql, tenantId: string, version: string): Promise<PolicyVersion> => {
  const isHash = version.startsWith('sha256:');
  const { rows } = await db.query<VersionRow & { readonly files: string }>(
    `SELECT ${COLUMNS}, files FROM policy_version WHERE tenant_id = $1 AND ($2::text IS NULL OR hash = $2) AND ($3::bigint IS NULL OR epoch = $3)
     ORDER BY epoch DESC LIMIT 1`,
    [tenantId, isHash ? version : null, isHash ? null : version],
  );
  const [row] = rows;
  if (row === undefined) throw new AppError('request.not-found', `no policy version ${version}`);
  const files = PolicyFiles.parse(JSON.parse(row.files));
  const note = noteOf(row);
  const inForce = (await lastPolicyChange(db, tenantId))?.epoch === note.epoch;
  const before = await changeBefore(db, tenantId, note.epoch);
  return { ...note, policies: readPolicyTexts(readPolicyFiles(files).bundle), files, before, inForce };
};

/** One run does no more: a set is tested as a whole when it is put in force, and this is for looking. */
const TESTS_MAX = 2_000;
/** Tests between which other work has its turn. */
const TESTS_AT_ONCE = 20;

const othersHaveTheirTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs the tests of the set in force against it. Changes nothing. */
export const testPoliciesInForce = async ({ policies, files }: TenantState, now: () => string): Promise<PolicyTestRun> => {
  const results: PolicyTestResult[] = [];
  let hasMore = false;
  for (const result of policyTestResults(readPolicyFiles(files).bundle.tests, policies)) {
    if (results.length === TESTS_MAX) {
      hasMore = true;
      break;
    }
    results.push(result);
    if (results.length % TESTS_AT_ONCE === 0) await othersHaveTheirTurn();
  }
  const passed = results.filter((result) => result.passed).length;
  return { policySetHash: policies.hash, ranAt: now(), passed, failed: results.length - passed, hasMore, results };
};
