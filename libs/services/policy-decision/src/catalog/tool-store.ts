import { type Json, PlainDigest, ToolRecord } from '@sallyport/contracts';
import { judged, type PinFact, type PinRule, type PinState } from '@sallyport/domain';
import type { Sql } from '@sallyport/platform';
import { z } from 'zod';
import { digestOf } from '../policy-set/policy-bundle.js';
import type { AnyChangeRecord } from '../state/changes.js';
import { type DeclaredToolRecord, undeclaredTool } from './catalog-file.js';

const StoredRule: z.ZodType<PinRule> = z.union([
  z.object({ kind: z.enum(['on-first-use', 'by-hand']) }),
  z.object({ kind: z.literal('digest'), digest: PlainDigest }),
]);
const StoredObservation = z.object({
  digest: PlainDigest,
  definition: z.custom<Json>((value) => value !== undefined),
  seenAt: z.string().nullable().default(null),
});

interface ToolRow {
  readonly record: string;
  readonly pin_rule: string;
  readonly observed: string | null;
  readonly declared: boolean;
}

/** A tool as stored: its pin state, and whether a catalog file names it. */
export interface StoredTool {
  readonly state: PinState;
  readonly declared: boolean;
}

/** The change that rows and events belong to. */
export interface CatalogChange {
  readonly epoch: number;
  readonly by: string;
  readonly why: string;
}

/** Reads tools of a tenant; all of them, or those named. */
export const readTools = async (tx: Sql, tenantId: string, ids: readonly string[] | null = null): Promise<Map<string, StoredTool>> => {
  const { rows } = await tx.query<ToolRow>(
    'SELECT record, pin_rule, observed, declared FROM catalog_tool WHERE tenant_id = $1 AND ($2::text[] IS NULL OR id = ANY($2))',
    [tenantId, ids],
  );
  return new Map(
    rows.map((row) => {
      const record = ToolRecord.parse(JSON.parse(row.record));
      const observed = row.observed === null ? null : StoredObservation.parse(JSON.parse(row.observed));
      return [record.id, { state: { record, rule: StoredRule.parse(JSON.parse(row.pin_rule)), observed }, declared: row.declared }];
    }),
  );
};

/** Writes one tool and answers what happened to it as events; its record takes the epoch of the change. */
export const writeTool = async (
  tx: Sql,
  change: CatalogChange,
  before: StoredTool | null,
  after: StoredTool,
  facts: readonly PinFact[],
): Promise<AnyChangeRecord[]> => {
  const record: ToolRecord = { ...after.state.record, epoch: change.epoch };
  const { tenantId, id } = record;
  await tx.query(
    `INSERT INTO catalog_tool (tenant_id, id, declared, record, pin_rule, observed, epoch) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (tenant_id, id) DO UPDATE SET declared = $3, record = $4, pin_rule = $5, observed = $6, epoch = $7`,
    [
      tenantId,
      id,
      after.declared,
      JSON.stringify(record),
      JSON.stringify(after.state.rule),
      after.state.observed === null ? null : JSON.stringify(after.state.observed),
      change.epoch,
    ],
  );
  const events: AnyChangeRecord[] = [];
  for (const fact of facts) {
    if (fact.type === 'DefinitionPinned') {
      const { digest, before: pinned } = fact;
      events.push({
        type: 'DefinitionPinned',
        tenantId,
        id,
        data: { tool: id, digest, before: pinned, epoch: change.epoch, changedBy: change.by, why: change.why },
      });
    } else if (fact.type === 'DefinitionDrifted') {
      events.push({
        type: 'DefinitionDrifted',
        tenantId,
        id,
        data: { tool: id, pinned: fact.pinned, observed: fact.observed, epoch: change.epoch },
      });
    }
  }
  const shownBefore = before === null ? null : shown(before.state.record);
  const shownAfter = shown(record);
  if (digestOf(shownBefore) !== digestOf(shownAfter)) {
    events.push({
      type: 'CatalogChanged',
      tenantId,
      id,
      data: { id, before: shownBefore, after: shownAfter, epoch: change.epoch, changedBy: change.by, why: change.why },
    });
  }
  events.push({ type: 'ToolInCatalog', tenantId, id, data: record });
  return events;
};

/** The stored form of a declared tool: what the file says, with pin and observation of what was there. */
export const declaredTool = (tenantId: string, declared: DeclaredToolRecord, before: StoredTool | undefined): StoredTool => {
  const blank = undeclaredTool(tenantId, declared.server, declared.name);
  const kept = before?.state.record;
  // Another digest in the file is a decision of its author: the old pin goes, and the observation is judged by the new rule.
  const repinned = declared.rule.kind === 'digest' && kept?.pinnedDigest !== declared.rule.digest;
  const record = judged({
    ...blank,
    ...declared.fields,
    pinnedDigest: repinned ? null : (kept?.pinnedDigest ?? null),
    definition: repinned ? null : (kept?.definition ?? null),
    driftedDigest: repinned ? null : (kept?.driftedDigest ?? null),
    epoch: kept?.epoch ?? 0,
  });
  return { declared: true, state: { record, rule: declared.rule, observed: before?.state.observed ?? null } };
};

/** The stored form of a tool that no file names (any more). */
export const forgottenTool = (before: StoredTool): StoredTool => {
  const { record, observed } = before.state;
  const { pinnedDigest, definition, driftedDigest, epoch } = record;
  const blank = undeclaredTool(record.tenantId, record.server, record.name);
  return {
    declared: false,
    state: { record: judged({ ...blank, pinnedDigest, definition, driftedDigest, epoch }), rule: { kind: 'by-hand' }, observed },
  };
};

/** Whether two stored tools say the same, their epoch apart. */
export const sameTool = (left: StoredTool, right: StoredTool): boolean => digestOf(timeless(left)) === digestOf(timeless(right));

const timeless = ({ declared, state }: StoredTool): unknown => ({ declared, state: { ...state, record: { ...state.record, epoch: 0 } } });

/** A record as change events show it: the definition is named by its digest. */
const shown = ({ definition: _definition, epoch: _epoch, ...rest }: ToolRecord): Json => rest;
