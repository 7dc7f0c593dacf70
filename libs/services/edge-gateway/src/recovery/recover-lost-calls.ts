import { setTimeout as delay } from 'node:timers/promises';
import type { EncodedEvent } from '@sallyport/contracts';
import { type LostCall, recoverCall } from '@sallyport/domain';
import type { EventLog } from '@sallyport/log';
import { ATTRIBUTES, type Clock, type Database, type Logger, type Sql, type Telemetry } from '@sallyport/platform';
import { hasOrphanedClaims, keptOutcome, releaseClaim, settleKept, settleOrphanedClaims, takeClaim } from './lost-claims.js';
import { type OpenCall, takeLost, unheardResolutions, whatIsLost } from './open-calls.store.js';
import { settlingRecord } from './recovery-events.js';

export const RECOVERY_GROUP = 'edge-gateway.recovery';
export const CALL_TOPIC = 'tool-call.events.v1';

/** Calls recovered in one transaction. */
const BATCH = 100;
/** How long one sweep waits for the group to come to where the log ended. */
const CATCH_UP_MS = 30_000;
const CATCH_UP_POLL_MS = 100;

export interface RecoverLostCallsDependencies {
  readonly database: Database;
  readonly log: Pick<EventLog, 'append' | 'ends'>;
  readonly source: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** What a sweep is about to say of one call. */
interface Told {
  readonly call: OpenCall;
  readonly records: readonly EncodedEvent[];
  readonly isKept: boolean;
  readonly isInDoubt: boolean;
}

/**
 * Ends what lost gateways left open. First it is seen whose calls are lost, then where the log ends, and only when the group has read up to
 * there is anything said: an end that is on the log is never overlooked, and a dispatch that is not on it did not happen. What is said has
 * ids of its own making, so saying it twice says it once.
 */
export class RecoverLostCalls {
  constructor(private readonly dependencies: RecoverLostCallsDependencies) {}

  /**
   * One sweep; resolves to how many calls were recovered. What another sweeper has in hand is left to it; what is not finished, because the
   * store or the log went away (`store.unavailable`, `log.unavailable`), is begun again by a later one.
   */
  async sweep(signal?: AbortSignal): Promise<number> {
    const { database, log } = this.dependencies;
    const unheard = await unheardResolutions(database);
    if (unheard.length > 0) await log.append(unheard);
    const { writers, hasOverdue } = await whatIsLost(database);
    const hasOrphans = await hasOrphanedClaims(database);
    if (writers.length === 0 && !hasOverdue && !hasOrphans) return 0;
    if (!(await this.hasReadAll(await log.ends(CALL_TOPIC), signal))) return 0;
    if (hasOrphans) await settleOrphanedClaims(database);
    let recovered = 0;
    for (;;) {
      const told = await database.transaction(async (tx) => {
        const lost = await takeLost(tx, writers, BATCH);
        const all: Told[] = [];
        for (const call of lost) {
          const one = await this.tell(tx, call);
          if (one !== null) all.push(one);
        }
        return { all, isLast: lost.length < BATCH };
      });
      await this.say(told.all);
      recovered += told.all.length;
      if (told.isLast || signal?.aborted === true) return recovered;
    }
  }

  /** Whether the group has handled everything before `ends`; waits for it. */
  private async hasReadAll(ends: ReadonlyMap<number, bigint>, signal?: AbortSignal): Promise<boolean> {
    const { database, clock, logger } = this.dependencies;
    const startedMs = clock.monotonicMs();
    for (;;) {
      const { rows } = await database.query<{ partition: number; position: string }>(
        'SELECT partition, position FROM consumer_position WHERE group_name = $1 AND topic = $2',
        [RECOVERY_GROUP, CALL_TOPIC],
      );
      const positions = new Map(rows.map(({ partition, position }) => [partition, BigInt(position)]));
      if ([...ends].every(([partition, end]) => (positions.get(partition) ?? 0n) >= end)) return true;
      if (signal?.aborted === true) return false;
      if (clock.monotonicMs() - startedMs > CATCH_UP_MS) {
        logger.warn('recovery is behind the log: lost calls wait until it has caught up');
        return false;
      }
      await delay(CATCH_UP_POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
  }

  private async tell(tx: Sql, call: OpenCall): Promise<Told | null> {
    if (call.stage === 'in-doubt') return null;
    const claim = call.stage === 'dispatched' ? null : await takeClaim(tx, call);
    if (claim === 'theirs') return null;
    const kept = claim === null ? await keptOutcome(tx, call) : claim === 'ours' ? null : claim.kept;
    if (kept !== null) return { call, records: kept, isKept: true, isInDoubt: false };
    const event = recoverCall(lostCallOf(call, call.stage));
    if (event.type === 'ToolCallFailed') await releaseClaim(tx, call);
    return { call, records: [settlingRecord(call, event, this.dependencies)], isKept: false, isInDoubt: event.type === 'ToolCallInDoubt' };
  }

  private async say(told: readonly Told[]): Promise<void> {
    const { database, log, logger, telemetry } = this.dependencies;
    if (told.length === 0) return;
    await log.append(told.flatMap(({ records }) => records));
    const kept = told.filter(({ isKept }) => isKept).map(({ call }) => call.callId);
    if (kept.length > 0) await settleKept(database, kept);
    for (const { call, isInDoubt } of told) {
      const facts = { callId: call.callId, tenantId: call.tenantId, stage: call.stage, target: call.target, edgeId: call.edgeId };
      if (!isInDoubt) {
        logger.info(facts, 'a call that its gateway left open was ended');
        continue;
      }
      telemetry.meters.callsInDoubt.add(1, { [ATTRIBUTES.tenantId]: call.tenantId });
      logger.warn(facts, 'a call is in doubt: it was sent, and its gateway was lost. Settle it with `sallyport call resolve`');
    }
  }
}

const lostCallOf = (call: OpenCall, stage: Exclude<OpenCall['stage'], 'in-doubt'>): LostCall =>
  stage === 'dispatched'
    ? {
        stage,
        attempt: call.attempt,
        method: call.method,
        riskTier: call.riskTier,
        isDryRun: call.isDryRun,
        totalMicros: call.totalMicros,
      }
    : { stage };
