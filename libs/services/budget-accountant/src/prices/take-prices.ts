import { type AnyEnvelope, decodeEvent, encodeEvent, type ToolRecord } from '@sallyport/contracts';
import type { LogRecord, OutboxPublisher, RecordBatch } from '@sallyport/log';
import type { Sql } from '@sallyport/platform';
import type { BudgetAccountantPorts } from '../budget-accountant.ports.js';
import type { LedgerStore } from '../ledger/ledger.store.js';

interface PriceRow {
  readonly tenant_id: string;
  readonly tool: string;
  readonly cost_micros: string | null;
  readonly currency: string | null;
  readonly list_version: string;
  readonly epoch: string;
}

const READ = `SELECT tenant_id, tool, cost_micros, currency, list_version, epoch FROM price
  WHERE (tenant_id, tool) IN (SELECT * FROM unnest($1::text[], $2::text[]))`;

const NEWEST = 'SELECT tenant_id, max(list_version::bigint) AS list_version FROM price WHERE tenant_id = ANY($1) GROUP BY tenant_id';

const WRITE = `INSERT INTO price (tenant_id, tool, cost_micros, currency, list_version, epoch, version)
    SELECT p.*, $7::bigint FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[]) AS p
  ON CONFLICT (tenant_id, tool) DO UPDATE SET cost_micros = excluded.cost_micros, currency = excluded.currency,
    list_version = excluded.list_version, epoch = excluded.epoch, version = excluded.version`;

/** Makes the next version of the terms. Its row stays locked to the end of the transaction, so that versions appear in their order. */
export const nextTermsVersion = async (tx: Sql): Promise<bigint> => {
  const { rows } = await tx.query<{ version: string }>('UPDATE terms_version SET version = version + 1 RETURNING version');
  return BigInt(rows[0]?.version ?? '0');
};

/** Takes prices from the catalog: its current state is the price list, its epoch the version of a price. */
export class TakePrices {
  constructor(
    private readonly ports: BudgetAccountantPorts,
    private readonly store: LedgerStore,
    private readonly outbox: OutboxPublisher,
  ) {}

  /** One transaction a batch. An older record never replaces a newer one. Throws `store.unavailable`, `log.position-lost`. */
  async handle(batch: RecordBatch): Promise<void> {
    const newest = new Map<string, ToolRecord>();
    let cause: AnyEnvelope | null = null;
    for (const record of batch.records) {
      const event = decodeEvent(record);
      if (event.type !== 'ToolInCatalog') continue;
      const { tenantId, id, epoch } = event.data;
      const before = newest.get(`${tenantId} ${id}`);
      if (before === undefined || before.epoch <= epoch) newest.set(`${tenantId} ${id}`, event.data);
      cause = event;
    }
    const staged = await this.ports.database.transaction(async (tx) => {
      const records = newest.size === 0 ? [] : await this.write(tx, [...newest.values()], cause);
      await batch.advance(tx);
      return this.outbox.stage(tx, records);
    });
    await this.outbox.publish(staged).catch((error: unknown) => this.ports.onFault('publishing a price list; it stays staged', error));
  }

  private async write(tx: Sql, tools: readonly ToolRecord[], cause: AnyEnvelope | null): Promise<LogRecord[]> {
    // No batch that runs now has read half of a new list.
    await this.store.takeAlone(tx);
    const { rows } = await tx.query<PriceRow>(READ, [tools.map(({ tenantId }) => tenantId), tools.map(({ id }) => id)]);
    const stored = new Map(rows.map((row) => [`${row.tenant_id} ${row.tool}`, row]));
    const changed = tools.filter((tool) => isNews(tool, stored.get(`${tool.tenantId} ${tool.id}`)));
    if (changed.length === 0) return [];
    const tenants = [...new Set(changed.map(({ tenantId }) => tenantId))];
    const lists = await tx.query<{ tenant_id: string; list_version: string }>(NEWEST, [tenants]);
    const before = new Map(lists.rows.map((row) => [row.tenant_id, row.list_version]));
    await tx.query(WRITE, [
      changed.map(({ tenantId }) => tenantId),
      changed.map(({ id }) => id),
      changed.map(({ costMicros }) => costMicros),
      changed.map(({ currency }) => currency),
      changed.map(({ epoch }) => String(epoch)),
      changed.map(({ epoch }) => epoch),
      String(await nextTermsVersion(tx)),
    ]);
    return tenants.map((tenantId) => {
      const after = Math.max(...changed.filter((tool) => tool.tenantId === tenantId).map(({ epoch }) => epoch));
      return this.changeRecord(tenantId, before.get(tenantId) ?? null, String(after), cause);
    });
  }

  private changeRecord(tenantId: string, before: string | null, after: string, cause: AnyEnvelope | null): LogRecord {
    const { clock, ids, telemetry, instanceId } = this.ports;
    const span = telemetry.startSpan('PriceListChanged', { kind: 'producer', parentTraceparent: cause?.traceparent ?? null });
    span.end();
    return encodeEvent({
      ...{ id: ids.uuidv7(), type: 'PriceListChanged', version: 1, source: `/budget-accountant/${instanceId}`, occurredAt: clock.nowIso() },
      ...{ tenantId, key: `${tenantId}/price-list`, callId: null, chainId: null, subject: null, actor: null },
      ...{ causationId: cause?.id ?? null, traceparent: span.traceparent, edgeId: null },
      data: { before, after, changedBy: 'system:policy-decision', why: 'the catalog changed' },
    });
  }
}

/** Whether a record says another price than is stored, and is not older. */
const isNews = ({ costMicros, currency, epoch }: ToolRecord, stored: PriceRow | undefined): boolean => {
  if (stored === undefined) return true;
  const same = stored.cost_micros === (costMicros === null ? null : String(costMicros)) && stored.currency === currency;
  return !same && epoch >= Number(stored.epoch);
};
