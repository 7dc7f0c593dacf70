import { Tail, type TailStep } from '@sallyport/platform';
import type { Observable } from 'rxjs';
import type { ApprovalPorts } from '../approval.ports.js';
import { CHANGED_APPROVALS_CHANNEL, readApprovals, type StoredApproval } from '../requests/approval.store.js';
import { acrossTenants, asTenant } from '../tenant-scope.js';
import { changesEnd, findChanges } from './approval-queries.js';

/** Who follows shows again who they are, and then goes on. */
const LIFE_MS = 15 * 60_000;

interface Place {
  readonly cursor: bigint;
  /** Versions of what lies at the cursor or after it, which will be found again. */
  readonly said: ReadonlyMap<string, number>;
}

/** Follows requests as they change. */
export class ApprovalTail {
  private readonly tail: Tail;

  constructor(private readonly ports: Pick<ApprovalPorts, 'database' | 'clock' | 'onFault'>) {
    const { database, clock, onFault } = ports;
    this.tail = new Tail({
      ...{ database, clock, channel: CHANGED_APPROVALS_CHANNEL, lifeMs: LIFE_MS },
      onFault: (error) => onFault('following requests for approval', error),
    });
  }

  /**
   * Requests of a tenant as they stand whenever one changes, from `cursor` on, else from now; one may come twice. Goes and ends as `Tail.follow`
   * does, after a quarter of an hour at the latest.
   */
  follow(tenantId: string, cursor: string | null): Observable<TailStep<StoredApproval>> {
    return this.tail.follow<Place, StoredApproval>(tenantId, {
      begin: async () => ({
        place: { cursor: cursor === null ? await acrossTenants(this.ports.database, changesEnd) : BigInt(cursor), said: new Map() },
      }),
      cursorOf: (place) => String(place.cursor),
      read: (place) => this.read(tenantId, place),
    });
  }

  /** Ends every reader's stream. */
  close(): Promise<void> {
    return this.tail.close();
  }

  /** What changed and was not said yet. */
  private read(tenantId: string, { cursor: after, said }: Place) {
    return asTenant(this.ports.database, tenantId, async (tx) => {
      const { changes, cursor } = await findChanges(tx, tenantId, after);
      const news = changes.filter(({ approvalId, version }) => said.get(approvalId) !== version).map(({ approvalId }) => approvalId);
      const byId = new Map(
        (news.length === 0 ? [] : await readApprovals(tx, tenantId, news)).map((approval) => [approval.approvalId, approval]),
      );
      return {
        steps: news.flatMap((approvalId): TailStep<StoredApproval>[] => {
          const item = byId.get(approvalId);
          return item === undefined ? [] : [{ cursor: String(cursor), item }];
        }),
        place: { cursor, said: new Map(changes.map(({ approvalId, version }) => [approvalId, version])) },
        isFull: false,
      };
    });
  }
}
