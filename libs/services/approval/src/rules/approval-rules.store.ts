import { encodeEvent } from '@sallyport/contracts';
import { type ApprovalRule, demandsOf, sameDemands } from '@sallyport/domain';
import type { LogRecord } from '@sallyport/log';
import type { Sql } from '@sallyport/platform';
import type { TenantRules } from '../approval.ports.js';
import { applyCommand, callsToTell, recordsOfApplied } from '../requests/apply-command.js';
import { lockLive, readCalls, updateApproval } from '../requests/approval.store.js';
import type { EventSource } from '../requests/approval-events.js';

const CHANGED_BY = 'system:declared-files';
const WHY = 'declared in the configuration';
/** Why a request is withdrawn whose rules are not those in force any more. */
export const RULES_CHANGED = 'rules-changed';

/** The rules in force of these tenants. */
export const readRules = async (tx: Sql, tenantIds: readonly string[]): Promise<ReadonlyMap<string, readonly ApprovalRule[]>> => {
  const { rows } = await tx.query<{ tenant_id: string; body: ApprovalRule }>(
    'SELECT tenant_id, body FROM approval_rule WHERE tenant_id = ANY($1) ORDER BY rule_id',
    [tenantIds],
  );
  const rules = new Map<string, ApprovalRule[]>(tenantIds.map((tenantId) => [tenantId, []]));
  for (const { tenant_id, body } of rows) rules.get(tenant_id)?.push(body);
  return rules;
};

const canonical = ({ id, approvers, quorum, waitSeconds, grantSeconds, detach }: ApprovalRule): ApprovalRule => ({
  ...{ id, approvers: [...approvers].sort(), quorum, waitSeconds, grantSeconds, detach },
});
const textOf = (rule: ApprovalRule): string => JSON.stringify(canonical(rule));

/**
 * Puts the declared rules of one tenant in force: what differs is recorded with before and after, and what was asked or granted under rules
 * that are no more is withdrawn, so that nobody is answered by people who may not answer now. Nothing happens when nothing differs.
 */
export const applyDeclaredRules = async (tx: Sql, source: EventSource, { tenantId, rules }: TenantRules): Promise<LogRecord[]> => {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 6))`, [tenantId]);
  const stored = new Map(((await readRules(tx, [tenantId])).get(tenantId) ?? []).map((rule) => [rule.id, rule]));
  const declared = new Map(rules.map((rule) => [rule.id, canonical(rule)]));
  const records: LogRecord[] = [];
  for (const id of [...new Set([...stored.keys(), ...declared.keys()])].sort()) {
    const before = stored.get(id) ?? null;
    const after = declared.get(id) ?? null;
    if (before !== null && after !== null && textOf(before) === textOf(after)) continue;
    if (after === null) await tx.query('DELETE FROM approval_rule WHERE tenant_id = $1 AND rule_id = $2', [tenantId, id]);
    else
      await tx.query(
        `INSERT INTO approval_rule (tenant_id, rule_id, body) VALUES ($1, $2, $3)
          ON CONFLICT (tenant_id, rule_id) DO UPDATE SET body = excluded.body`,
        [tenantId, id, JSON.stringify(after)],
      );
    records.push(changeOf(source, tenantId, id, before, after));
  }
  return records.length === 0 ? [] : [...records, ...(await withdrawChanged(tx, source, tenantId, rules))];
};

const withdrawChanged = async (tx: Sql, source: EventSource, tenantId: string, rules: readonly ApprovalRule[]): Promise<LogRecord[]> => {
  const records: LogRecord[] = [];
  for (const approval of await lockLive(tx, tenantId)) {
    if (approval.state.status === 'none') continue;
    const now = demandsOf(approval.asked.ruleIds, rules);
    if (now !== null && sameDemands(now, approval.state.question.demands)) continue;
    const applied = applyCommand(approval, { type: 'Withdraw', reason: RULES_CHANGED, nowMs: source.clock.nowMs() });
    await updateApproval(tx, applied.approval);
    records.push(...recordsOfApplied(source, applied, await readCalls(tx, tenantId, callsToTell(approval))));
  }
  return records;
};

const changeOf = (
  { clock, ids, telemetry, source }: EventSource,
  tenantId: string,
  ruleId: string,
  before: ApprovalRule | null,
  after: ApprovalRule | null,
): LogRecord => {
  const span = telemetry.startSpan('ApprovalRuleChanged', { kind: 'producer' });
  span.end();
  const shown = (rule: ApprovalRule | null) => (rule === null ? null : { ...canonical(rule), approvers: [...canonical(rule).approvers] });
  return encodeEvent({
    ...{
      id: ids.uuidv7(),
      type: 'ApprovalRuleChanged',
      version: 1,
      source,
      occurredAt: clock.nowIso(),
      tenantId,
      key: `${tenantId}/${ruleId}`,
    },
    ...{ callId: null, chainId: null, subject: null, actor: null, causationId: null, traceparent: span.traceparent, edgeId: null },
    data: { ruleId, before: shown(before), after: shown(after), changedBy: CHANGED_BY, why: WHY },
  });
};
