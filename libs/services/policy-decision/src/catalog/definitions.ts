import { AppError, type EventData, type ToolRecord } from '@sallyport/contracts';
import { acceptDefinition, observeDefinition, type PinFact } from '@sallyport/domain';
import type { ChangeCause, Changes } from '../state/changes.js';
import { undeclaredTool } from './catalog-file.js';
import { readTools, type StoredTool, sameTool, writeTool } from './tool-store.js';

/** What the catalog learns of the tools that upstreams show, and what people accept. */
export class Definitions {
  constructor(private readonly changes: Changes) {}

  /** Takes note of what an upstream showed at a time. Idempotent: seen again, nothing changes and no epoch is spent. */
  async observe(tenantId: string, cause: ChangeCause, seen: EventData<'ToolDefinitionsObserved'>, seenAt: string): Promise<void> {
    await this.changes.apply(cause, async (tx, epoch) => {
      const ids = seen.definitions.map(({ name }) => `${seen.server}/${name}`);
      const known = await readTools(tx, tenantId, ids);
      const records = [];
      for (const { name, digest, definition } of seen.definitions) {
        const before = known.get(`${seen.server}/${name}`) ?? null;
        const start: StoredTool = before ?? {
          declared: false,
          state: { record: undeclaredTool(tenantId, seen.server, name), rule: { kind: 'by-hand' }, observed: null },
        };
        const { state, facts } = observeDefinition(start.state, { digest, definition, seenAt });
        const after: StoredTool = { ...start, state };
        if (before !== null && sameTool(before, after)) continue;
        records.push(...(await writeTool(tx, { epoch, by: cause.by, why: 'the upstream showed this definition' }, before, after, facts)));
      }
      return records.length === 0 ? null : { records, result: undefined };
    });
  }

  /**
   * Accepts the definition that was seen last, for a person; `digest` says which one they looked at. Returns the record once it holds.
   * Throws `request.not-found` for an unknown tool or one never seen, `stream.conflict` when another definition was seen meanwhile.
   */
  async accept(
    tenantId: string,
    id: string,
    by: ChangeCause,
    answer: { readonly digest: string | null; readonly why: string },
  ): Promise<ToolRecord> {
    let record: ToolRecord | null = null;
    const changed = await this.changes.apply(by, async (tx, epoch) => {
      const before = (await readTools(tx, tenantId, [id])).get(id);
      if (before?.state.observed == null) throw new AppError('request.not-found', `${id} was never seen at its server`);
      const outcome = acceptDefinition(before.state, answer.digest ?? before.state.observed.digest);
      if ('refused' in outcome) throw new AppError('stream.conflict', `${id} shows another definition now`);
      const facts: readonly PinFact[] = outcome.facts;
      record = outcome.state.record;
      if (facts.length === 0) return null;
      record = { ...record, epoch };
      const records = await writeTool(tx, { epoch, by: by.by, why: answer.why }, before, { ...before, state: outcome.state }, facts);
      return { records, result: true };
    });
    if (changed !== null) await this.changes.settled();
    if (record === null) throw new AppError('internal.error', `accepting ${id} left no record`);
    return record;
  }
}
