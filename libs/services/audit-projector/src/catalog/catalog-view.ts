import type { ToolRecord } from '@sallyport/contracts';
import type { RecordBatch } from '@sallyport/log';
import { bigintArray, type Database, textArray } from '@sallyport/platform';
import { decodeStored } from '../calls/rebuild-calls.js';
import { acrossTenants } from '../tenant-scope.js';

const SAVE = `INSERT INTO catalog_tool AS t (tenant_id, tool, server, owner, risk_tier, lifecycle, epoch)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
  ON CONFLICT (tenant_id, tool) DO UPDATE SET server = excluded.server, owner = excluded.owner, risk_tier = excluded.risk_tier,
    lifecycle = excluded.lifecycle, epoch = excluded.epoch
  WHERE t.epoch <= excluded.epoch`;

/** Who owns which tool, and how risky it is, as the catalog last said. */
export class CatalogView {
  constructor(private readonly database: Database) {}

  /** Takes a batch of current state in one transaction with its position. An older record never replaces a newer one. Throws `store.unavailable`, `log.position-lost`. */
  take(batch: RecordBatch): Promise<void> {
    const newest = new Map<string, ToolRecord>();
    for (const record of batch.records) {
      const event = decodeStored(record);
      if (event?.type !== 'ToolInCatalog') continue;
      const key = JSON.stringify([event.data.tenantId, event.data.id]);
      const before = newest.get(key);
      if (before === undefined || before.epoch <= event.data.epoch) newest.set(key, event.data);
    }
    const tools = [...newest].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, tool]) => tool);
    return acrossTenants(this.database, async (tx) => {
      if (tools.length > 0) {
        await tx.query(SAVE, [
          textArray(tools.map(({ tenantId }) => tenantId)),
          textArray(tools.map(({ id }) => id)),
          textArray(tools.map(({ server }) => server)),
          textArray(tools.map(({ owner }) => owner)),
          textArray(tools.map(({ riskTier }) => riskTier)),
          textArray(tools.map(({ lifecycle }) => lifecycle)),
          bigintArray(tools.map(({ epoch }) => BigInt(epoch))),
        ]);
      }
      await batch.advance(tx);
    });
  }
}
