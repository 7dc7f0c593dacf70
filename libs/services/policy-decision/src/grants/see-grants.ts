import { decodeEvent, eventTypeOf } from '@sallyport/contracts';
import type { SeenGrant } from '@sallyport/domain';
import type { RecordBatch } from '@sallyport/log';
import type { Clock, Database } from '@sallyport/platform';
import { dropOldGrants, keepGrants } from './grant-store.js';

/** Which records of the approval topic the decision point reads; the rest costs no parsing. */
export const isGrant = (headers: Readonly<Record<string, string>>): boolean => eventTypeOf(headers) === 'ApprovalGranted';

/** Takes down grants from the log, where the approval service alone can have put them. */
export class SeeGrants {
  constructor(
    private readonly options: {
      readonly db: Database;
      readonly clock: Clock;
      /** Told once grants are kept, so that who waits for one looks at once. */
      readonly onKept: () => void;
    },
  ) {}

  /** Handles one batch, its rows and its position in one transaction. Throws `store.unavailable` or `log.position-lost` with nothing kept. */
  async handle(batch: RecordBatch): Promise<void> {
    const { db, clock, onKept } = this.options;
    const grants = batch.records.flatMap((record): SeenGrant[] => {
      const event = decodeEvent(record);
      if (event.type !== 'ApprovalGranted' || event.callId === null) return [];
      const { approvalId, paramsHash, toolDigest, ruleIds = [], expiresAt } = event.data;
      const { tenantId, callId } = event;
      return [{ tenantId, callId, approvalId, paramsHash, toolDigest, ruleIds, expiresAtMs: Date.parse(expiresAt) }];
    });
    await db.transaction(async (tx) => {
      await keepGrants(tx, grants);
      await dropOldGrants(tx, clock.nowMs());
      await batch.advance(tx);
    });
    onKept();
  }
}
