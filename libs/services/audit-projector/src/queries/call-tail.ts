import type { CallRecord } from '@sallyport/contracts';
import { type CallState, storedCallState, toCallRecord } from '@sallyport/domain';
import { Tail, type TailStep } from '@sallyport/platform';
import type { Observable } from 'rxjs';
import type { AuditProjectorPorts } from '../audit-projector.ports.js';
import { ENDED_CALLS_CHANNEL } from '../calls/released-calls.js';
import { acrossTenants, asTenant } from '../tenant-scope.js';
import { type CallFilter, callConditions, seeWords, WITH_WORDS } from './call-queries.js';

const PAGE = 200;

/** Follows calls as they end. */
export class CallTail {
  private readonly tail: Tail;

  constructor(private readonly ports: AuditProjectorPorts) {
    const { database, clock, tailsPerTenant, onFault } = ports;
    this.tail = new Tail({
      ...{ database, clock, channel: ENDED_CALLS_CHANNEL },
      ...(tailsPerTenant === undefined ? {} : { perTenantMax: tailsPerTenant }),
      onFault: (error) => onFault?.({ doing: 'tail', error }),
    });
  }

  /**
   * Calls of a tenant as they end, in the order they were recorded as ended; from `cursor` on, else from now. A call settled later comes a
   * second time. Goes and ends as `Tail.follow` does.
   */
  follow(tenantId: string, filter: CallFilter, cursor: string | null): Observable<TailStep<CallRecord>> {
    return this.tail.follow<string, CallRecord>(tenantId, {
      begin: async () => ({ place: cursor ?? (await this.end()) }),
      cursorOf: (place) => place,
      read: (after) => this.read(tenantId, filter, after),
    });
  }

  /** Ends every reader's stream. */
  close(): Promise<void> {
    return this.tail.close();
  }

  /** The end of the tail over all tenants: it tells a reader where to begin and nothing of what lies before. */
  private end(): Promise<string> {
    return acrossTenants(this.ports.database, async (tx) => {
      const { rows } = await tx.query<{ number: string }>('SELECT coalesce(max(number), 0) AS number FROM ended_call');
      return rows[0]?.number ?? '0';
    });
  }

  private read(tenantId: string, filter: CallFilter, after: string) {
    return asTenant(this.ports.database, tenantId, async (tx) => {
      // Up to here everything is looked at, whether the filter lets it through or not.
      const newest = await tx.query<{ number: string }>('SELECT coalesce(max(number), $2) AS number FROM ended_call WHERE tenant_id = $1', [
        tenantId,
        after,
      ]);
      const until = newest.rows[0]?.number ?? after;
      const isSearch = await seeWords(tx, tenantId, filter);
      const conditions = callConditions(tenantId, filter);
      conditions.add('e.tenant_id = ? AND e.number > ? AND e.number <= ?', tenantId, after, until);
      const { rows } = await tx.query<{ number: string; state: CallState }>(
        `SELECT e.number, c.state FROM ended_call e JOIN call_record c ON c.tenant_id = e.tenant_id AND c.call_id = e.call_id
         ${isSearch ? WITH_WORDS : ''} WHERE ${conditions} ORDER BY e.number LIMIT ${PAGE}`,
        conditions.values,
      );
      const steps = rows.flatMap(({ number, state }): TailStep<CallRecord>[] => {
        const item = toCallRecord(storedCallState(state));
        return item === null ? [] : [{ cursor: number, item }];
      });
      const isFull = rows.length === PAGE;
      return { steps, place: isFull ? (rows.at(-1)?.number ?? after) : until, isFull };
    });
  }
}
