import { decodeEvent, eventTypeOf, type ToolRecord, type ToolReference } from '@sallyport/contracts';
import type { EventLog, RecordBatch, Subscription } from '@sallyport/log';
import { isJsonObject, type JsonObject } from '@sallyport/mcp';

/** What changed: the epoch of a tenant's catalog, policies or controls. */
export type StateListener = (tenantId: string) => void;

const TOPICS = ['catalog.state.v1', 'policy.state.v1', 'controls.state.v1'] as const;

/**
 * The catalog as the decision point last declared it, for looking up schemas, tiers and pinned definitions. It decides nothing: whether a tool
 * may be called is the decision point's answer. Read from the beginning of the compacted topics; older epochs of a tool never replace newer ones.
 */
export class CatalogView {
  private readonly tenants = new Map<string, Map<string, ToolRecord>>();
  private readonly listeners = new Set<StateListener>();
  private subscription: Subscription | null = null;

  constructor(
    private readonly log: EventLog,
    private readonly edgeId: string,
  ) {}

  /** Resolves when everything that was on the log is folded: until then the gateway is not ready. Throws `log.unavailable`. */
  async start(): Promise<void> {
    this.subscription = await this.log.subscribe({
      group: `edge-gateway-catalog-${this.edgeId}`,
      topics: TOPICS,
      from: 'earliest',
      positions: 'ephemeral',
      handle: (batch) => {
        this.take(batch);
        return Promise.resolve();
      },
    });
    await this.subscription.caughtUp;
  }

  /** Folds a batch of state events and tells the listeners once per tenant. */
  take(batch: Pick<RecordBatch, 'records'>): void {
    const changed = new Set<string>();
    for (const record of batch.records) {
      const tenantId = record.headers.ce_tenantid;
      if (tenantId !== undefined) changed.add(tenantId);
      if (eventTypeOf(record.headers) !== 'ToolInCatalog') continue;
      const event = decodeEvent(record);
      if (event.type === 'ToolInCatalog') this.fold(event.data);
    }
    for (const tenantId of changed) for (const listener of this.listeners) listener(tenantId);
  }

  /** The record of a tool by its id, `server/tool`. */
  find(tenantId: string, toolId: string): ToolRecord | null {
    return this.tenants.get(tenantId)?.get(toolId) ?? null;
  }

  /** All records of a tenant, of one server where it is named. */
  all(tenantId: string, server: string | null = null): readonly ToolRecord[] {
    const records = [...(this.tenants.get(tenantId)?.values() ?? [])];
    return server === null ? records : records.filter((record) => record.server === server);
  }

  /** Calls back after each change of a tenant's state. Returns the way to stop it. */
  onChange(listener: StateListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.listeners.clear();
    await this.subscription?.close();
  }

  private fold(record: ToolRecord): void {
    let tools = this.tenants.get(record.tenantId);
    if (tools === undefined) {
      tools = new Map();
      this.tenants.set(record.tenantId, tools);
    }
    const known = tools.get(record.id);
    if (known === undefined || known.epoch <= record.epoch) tools.set(record.id, record);
  }
}

/** How a call refers to a tool: `null` when it is not pinned or has no tier, and then nothing may be dispatched to it. */
export const toolReferenceOf = (record: ToolRecord | null): ToolReference | null => {
  if (record === null || record.pinnedDigest === null || record.riskTier === null) return null;
  return { id: record.id, definitionDigest: record.pinnedDigest, version: record.version ?? '', riskTier: record.riskTier };
};

/** The pinned definition of a tool, as it may be listed; `null` when there is none. */
export const pinnedDefinitionOf = (record: ToolRecord): JsonObject | null =>
  record.pinnedDigest !== null && isJsonObject(record.definition) ? record.definition : null;

/** The pinned input schema of a tool. */
export const inputSchemaOf = (record: ToolRecord): JsonObject | null => {
  const schema = pinnedDefinitionOf(record)?.inputSchema;
  return isJsonObject(schema) ? schema : null;
};
