import type { Control, ControlKind } from '@sallyport/contracts';
import type { Sql } from '@sallyport/platform';
import type { ChangeCause, Changes } from './changes.js';

interface ControlRow {
  readonly kind: ControlKind;
  readonly value: string;
  readonly active: boolean;
  readonly epoch: string;
  readonly changed_by: string;
  readonly why: string;
  readonly changed_at: Date;
}

const COLUMNS = 'kind, value, active, epoch, changed_by, why, changed_at';

const controlOf = (row: ControlRow): Control => ({
  control: row.kind,
  value: row.value,
  active: row.active,
  epoch: Number(row.epoch),
  changedBy: row.changed_by,
  why: row.why,
  changedAt: row.changed_at.toISOString(),
});

/** Every control of a tenant that was ever set, the newest change first; at most 1,000. */
export const listControls = async (db: Sql, tenantId: string): Promise<Control[]> => {
  const { rows } = await db.query<ControlRow>(`SELECT ${COLUMNS} FROM control WHERE tenant_id = $1 ORDER BY epoch DESC LIMIT 1000`, [
    tenantId,
  ]);
  return rows.map(controlOf);
};

/** Sets or lifts a control. Returns once it holds for every byte; setting what is set already changes nothing. */
export const setControl = async (
  changes: Changes,
  tenantId: string,
  cause: ChangeCause,
  wish: { readonly control: ControlKind; readonly value: string; readonly active: boolean; readonly why: string },
): Promise<Control> => {
  const { control, value, active, why } = wish;
  let standing: Control | undefined;
  const changed = await changes.apply(cause, async (tx, epoch) => {
    const before = await tx.query<ControlRow>(`SELECT ${COLUMNS} FROM control WHERE tenant_id = $1 AND kind = $2 AND value = $3`, [
      tenantId,
      control,
      value,
    ]);
    const row = before.rows[0];
    if (row?.active === active) {
      standing = controlOf(row);
      return null;
    }
    const { rows } = await tx.query<ControlRow>(
      `INSERT INTO control (tenant_id, kind, value, active, epoch, changed_by, why) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (tenant_id, kind, value) DO UPDATE SET active = $4, epoch = $5, changed_by = $6, why = $7, changed_at = now()
       RETURNING ${COLUMNS}`,
      [tenantId, control, value, active, epoch, cause.by, why],
    );
    const written = rows[0];
    if (written !== undefined) standing = controlOf(written);
    const id = `${control} ${value}`;
    return {
      result: true,
      records: [
        { type: 'ControlChanged', tenantId, id, data: { control, value, active, epoch, changedBy: cause.by, why } },
        { type: 'ControlInForce', tenantId, id, data: { control, value, active, epoch } },
      ],
    };
  });
  // What stands may have been set a moment ago by somebody else, whose second has not passed.
  if (changed !== null || standing !== undefined) await changes.settled();
  if (standing === undefined) throw new TypeError('a control was neither found nor written');
  return standing;
};
