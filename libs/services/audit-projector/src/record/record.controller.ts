import { Controller, Inject } from '@nestjs/common';
import { OnLogBatch, type RecordBatch } from '@sallyport/log';
import { AUDIT_GROUP } from '../audit-projector.ports.js';
import { EventRecorder } from './event-recorder.js';
import { RECORDED_TOPICS } from './recorded-topics.js';

/**
 * Each batch costs some fifteen statements whatever it holds, and the more of a call is in it, the fewer times its record is written: one begins
 * with 256 KiB, which some twenty calls make, or after a quarter of a second, whichever comes first.
 */
const GATHER_MS = 250;
const GATHER_BYTES = 262_144;
const BATCH_RECORDS_MAX = 1_000;

@Controller()
export class RecordController {
  constructor(@Inject(EventRecorder) private readonly recorder: EventRecorder) {}

  /** A record that could not be written is no reason to leave out those behind it, so nothing is held. */
  @OnLogBatch({
    group: AUDIT_GROUP,
    topics: RECORDED_TOPICS,
    pauseMs: GATHER_MS,
    gatherBytes: GATHER_BYTES,
    batchRecordsMax: BATCH_RECORDS_MAX,
    poison: 'continue',
  })
  record(batch: RecordBatch): Promise<void> {
    return this.recorder.record(batch);
  }
}
