import { AppError } from '@sallyport/contracts';
import type { Listening } from '@sallyport/platform';
import { Observable } from 'rxjs';
import type { ApprovalPorts } from '../approval.ports.js';
import { CHANGED_APPROVALS_CHANNEL, readApprovals, type StoredApproval } from '../requests/approval.store.js';
import { acrossTenants, asTenant } from '../tenant-scope.js';
import { changesEnd, findChanges } from './approval-queries.js';

/** A request that changed, with the cursor to continue from; without a request, a sign of life that moves the cursor on. */
export interface ApprovalTailStep {
  readonly cursor: string;
  readonly approval: StoredApproval | null;
}

/** Each holds a connection and reads whenever something changes. */
const TAILS_PER_TENANT = 32;
/** How often to look for what no notification told of. */
const LOOK_MS = 5_000;
/** Proxies close a stream that is silent for a minute or so. */
const SILENCE_MS = 15_000;
/** Who follows shows again who they are, and then goes on. */
const LIFE_MS = 15 * 60_000;

/** Follows requests as they change, for any number of readers over one listening connection. */
export class ApprovalTail {
  private readonly readers = new Map<() => void, string>();
  private listening: Promise<Listening> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly ports: Pick<ApprovalPorts, 'database' | 'clock' | 'onFault'>) {}

  /**
   * Requests of a tenant as they stand whenever one changes, from `cursor` on, else from now; one may come twice. Begins with a sign of life,
   * and gives one when nothing changed for a while. Completes after a quarter of an hour and when the tail closes; errors with
   * `store.unavailable`. Whoever follows goes on from the last cursor then. Throws `request.too-many-streams`.
   */
  follow(tenantId: string, cursor: string | null): Observable<ApprovalTailStep> {
    const { clock } = this.ports;
    if ([...this.readers.values()].filter((of) => of === tenantId).length >= TAILS_PER_TENANT)
      throw new AppError('request.too-many-streams', `${tenantId} follows its approvals ${TAILS_PER_TENANT} times already`);
    return new Observable<ApprovalTailStep>((reader) => {
      let open = true;
      let wake: () => void = () => {};
      const woken = (): Promise<void> =>
        new Promise((resolve) => {
          wake = resolve;
        });
      const onNews = (): void => wake();
      const run = async (): Promise<void> => {
        const beganAtMs = clock.monotonicMs();
        let after = cursor === null ? await acrossTenants(this.ports.database, changesEnd) : BigInt(cursor);
        let said: ReadonlyMap<string, number> = new Map();
        let saidAtMs = beganAtMs;
        reader.next({ cursor: String(after), approval: null });
        while (open && !this.closed && clock.monotonicMs() - beganAtMs < LIFE_MS) {
          // Asked for before reading, so that news in the meantime is not missed.
          const news = woken();
          const found = await this.read(tenantId, after, said);
          after = found.cursor;
          said = found.said;
          const isSilent = found.approvals.length === 0 && clock.monotonicMs() - saidAtMs >= SILENCE_MS;
          for (const approval of isSilent ? [null] : found.approvals) {
            reader.next({ cursor: String(after), approval });
            saidAtMs = clock.monotonicMs();
          }
          if (open && !this.closed) await news;
        }
        reader.complete();
      };
      this.readers.set(onNews, tenantId);
      this.listen()
        .then(run)
        .catch((error: unknown) => {
          this.ports.onFault('following requests for approval', error);
          reader.error(error);
        });
      return () => {
        open = false;
        this.readers.delete(onNews);
        wake();
      };
    });
  }

  /** Ends every reader's stream and the listening connection. */
  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    clearInterval(this.timer);
    const listening = await this.listening?.catch(() => undefined);
    await listening?.close();
  }

  private wake(tenantId?: string): void {
    for (const [reader, of] of this.readers) if (tenantId === undefined || of === tenantId) reader();
  }

  private async listen(): Promise<void> {
    this.listening ??= this.ports.database.listen({
      channel: CHANGED_APPROVALS_CHANNEL,
      onNotification: (tenantId) => this.wake(tenantId),
      onGap: () => this.wake(),
    });
    try {
      await this.listening;
    } catch (error) {
      this.listening = undefined;
      throw error;
    }
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => this.wake(), LOOK_MS);
    this.timer.unref();
  }

  /** What changed and was not said yet. `said`: versions of what lies at the cursor or after it, which will be found again. */
  private read(tenantId: string, after: bigint, said: ReadonlyMap<string, number>) {
    return asTenant(this.ports.database, tenantId, async (tx) => {
      const { changes, cursor } = await findChanges(tx, tenantId, after);
      const news = changes.filter(({ approvalId, version }) => said.get(approvalId) !== version).map(({ approvalId }) => approvalId);
      const byId = new Map(
        (news.length === 0 ? [] : await readApprovals(tx, tenantId, news)).map((approval) => [approval.approvalId, approval]),
      );
      return {
        approvals: news.flatMap((approvalId) => byId.get(approvalId) ?? []),
        cursor,
        said: new Map(changes.map(({ approvalId, version }) => [approvalId, version])),
      };
    });
  }
}
