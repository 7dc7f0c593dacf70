import { Controller, Inject } from '@nestjs/common';
import { OnLogBatch, type RecordBatch } from '@sallyport/log';
import { APPROVAL_GROUP, HEAR_CALLS } from '../approval.ports.js';
import { concernsApproval, type HearCalls } from './hear-calls.js';

/** Each question of a batch is a lock until its end; PostgreSQL has room for a few thousand. */
const BATCH_RECORDS_MAX = 200;
/** Of all that is said of calls next to nothing concerns an approval, and it is people who wait. */
const FETCH_EVERY_MS = 25;

/** What approval hears on the log: calls, and nothing else. */
@Controller()
export class WaitingController {
  constructor(@Inject(HEAR_CALLS) private readonly hearCalls: HearCalls) {}

  @OnLogBatch({
    group: APPROVAL_GROUP,
    topics: ['tool-call.events.v1'],
    accept: concernsApproval,
    fetchEveryMs: FETCH_EVERY_MS,
    batchRecordsMax: BATCH_RECORDS_MAX,
  })
  onCalls(batch: RecordBatch): Promise<void> {
    return this.hearCalls.handle(batch);
  }
}
