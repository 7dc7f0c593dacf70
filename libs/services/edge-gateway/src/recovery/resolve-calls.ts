import { AppError, type Principal, type ResolveCallBody, type ResolvedCall } from '@sallyport/contracts';
import type { EventLog } from '@sallyport/log';
import type { Clock, Database, Logger } from '@sallyport/platform';
import { hasEnded, lockInDoubt, settleResolved, storeResolution } from './open-calls.store.js';
import { settlingRecord } from './recovery-events.js';

export interface ResolveCallsDependencies {
  readonly database: Database;
  readonly log: Pick<EventLog, 'append'>;
  readonly source: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Lets a person say what became of a call in doubt. */
export class ResolveCalls {
  constructor(private readonly dependencies: ResolveCallsDependencies) {}

  /**
   * Settles a call of the person's tenant, once. Durable when it resolves: what the log does not take now it is given again until it does.
   * Throws `identity.forbidden` for who is no person or lets an agent speak, `call.ended` when it was settled or ended meanwhile,
   * `request.not-found` when no such call is in doubt, and `store.unavailable`; nothing has changed then.
   */
  async resolve(principal: Principal, callId: string, { resolution, note }: ResolveCallBody): Promise<ResolvedCall> {
    const { database, log, logger } = this.dependencies;
    const { tenantId, subject } = principal;
    if (!subject.startsWith('user:') || principal.actors.length > 0)
      throw new AppError('identity.forbidden', `${subject} may not settle a call: only a person may, who looked`);
    const resolved = { resolution, resolvedBy: subject, note };
    const record = await database.transaction(async (tx) => {
      const call = await lockInDoubt(tx, tenantId, callId);
      if (call === null || call.isResolved) return null;
      const told = settlingRecord(call, { type: 'ToolCallResolved', data: resolved }, this.dependencies);
      await storeResolution(tx, callId, told);
      await settleResolved(tx, callId, resolution);
      return told;
    });
    if (record === null) {
      if (await hasEnded(database, tenantId, callId)) throw new AppError('call.ended', `call ${callId} is settled already`);
      throw new AppError('request.not-found', `no call ${callId} of this tenant is in doubt`);
    }
    logger.info({ callId, tenantId, resolution, resolvedBy: subject }, 'a call in doubt was settled');
    await log.append([record]).catch((err: unknown) => logger.warn({ err, callId }, 'a settlement waits for the log'));
    return { callId, ...resolved };
  }
}
