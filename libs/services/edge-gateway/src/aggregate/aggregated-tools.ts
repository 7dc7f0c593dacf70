import type { ToolRecord } from '@sallyport/contracts';
import { aggregatedName, indexAggregatedNames, type JsonObject, splitAggregatedName } from '@sallyport/mcp';
import { type CatalogView, pinnedDefinitionOf } from '../catalog-view/catalog-view.js';
import type { AuthenticatedCall } from '../invoke/authenticated-call.js';

interface Indexed {
  readonly server: string;
  readonly tool: string;
}

/** The tools of all servers under one roof, by names that stay: `server__tool`. Derived from the pins; an upstream that is away hides nothing. */
export class AggregatedTools {
  private readonly indexes = new Map<string, ReadonlyMap<string, Indexed>>();

  constructor(private readonly catalog: CatalogView) {
    catalog.onChange((tenantId) => this.indexes.delete(tenantId));
  }

  /** What a name stands for. A name nobody knows is split, so that the decision point can refuse it like any tool that is none. */
  targetOf(tenantId: string, name: string | null): AuthenticatedCall['target'] {
    const found = name === null ? null : (this.indexOf(tenantId).get(name) ?? splitAggregatedName(name));
    return found === null ? { kind: 'tool', server: null, name } : { kind: 'tool', server: found.server, name: found.tool };
  }

  /** Pinned definitions under their aggregated names. */
  listed(records: readonly ToolRecord[]): readonly JsonObject[] {
    return records.map((record) => ({ ...pinnedDefinitionOf(record), name: aggregatedName(record.server, record.name) }));
  }

  private indexOf(tenantId: string): ReadonlyMap<string, Indexed> {
    const known = this.indexes.get(tenantId);
    if (known !== undefined) return known;
    const index = indexAggregatedNames(this.catalog.all(tenantId).map(({ server, name }) => ({ server, tool: name })));
    this.indexes.set(tenantId, index);
    return index;
  }
}
