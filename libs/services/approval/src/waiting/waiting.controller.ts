import { Controller, Inject } from '@nestjs/common';
import { OnLogBatch, type RecordBatch } from '@sallyport/log';
import { APPROVAL_GROUP, HEAR_CALLS } from '../approval.ports.js';
import { concernsApproval, type HearCalls } from './hear-calls.js';

/** What approval hears on the log: calls, and nothing else. */
@Controller()
export class WaitingController {
  constructor(@Inject(HEAR_CALLS) private readonly hearCalls: HearCalls) {}

  @OnLogBatch({ group: APPROVAL_GROUP, topics: ['tool-call.events.v1'], accept: concernsApproval })
  onCalls(batch: RecordBatch): Promise<void> {
    return this.hearCalls.handle(batch);
  }
}
