import { AppError, eventTypeOf } from '@sallyport/contracts';
import { OutboxPublisher, type ReceivedRecord, type RecordBatch } from '@sallyport/log';
import { ATTRIBUTES } from '@sallyport/platform';
import { AUDIT_GROUP, type AuditProjectorPorts } from '../audit-projector.ports.js';
import { type CallEvent, foldIntoView } from '../calls/call-view.store.js';
import { DEAD_LETTER, decodeStored } from '../calls/rebuild-calls.js';
import { type EventSource, releaseEnded } from '../calls/released-calls.js';
import { acrossTenants } from '../tenant-scope.js';
import { appendToChains } from './event-chain.store.js';

/** Puts what the log brings on record. */
export class EventRecorder {
  private readonly source: EventSource;

  constructor(
    private readonly ports: AuditProjectorPorts,
    private readonly outbox: OutboxPublisher,
  ) {
    this.source = { source: `/${AUDIT_GROUP}/${ports.instance}`, nowIso: () => ports.clock.nowIso() };
  }

  /**
   * Records a batch in one transaction: event chains, call records, what the SIEM is told, and the position, so that either all of it
   * happened or nothing. A batch that comes again changes nothing. Nothing that a record contains makes it fail: what cannot be decoded is
   * chained all the same. Throws `log.position-lost`, `store.unavailable` and `stream.conflict`, with nothing changed.
   */
  async record(batch: RecordBatch): Promise<void> {
    const startedAtMs = this.ports.clock.nowMs();
    const staged = await acrossTenants(
      this.ports.database,
      async (tx) => {
        const added = await appendToChains(tx, batch.records);
        const calls = await foldIntoView(tx, this.callEventsOf(added));
        const ocsf = await releaseEnded(tx, calls, this.source);
        await batch.advance(tx);
        return this.outbox.stage(tx, ocsf);
      },
      // Nobody waits for it: what a crash takes back is delivered again. A checkpoint's own commit makes all before it durable.
      { synchronousCommit: false },
    );
    this.trace(batch.records, startedAtMs);
    try {
      await this.outbox.publish(staged);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // Staged for good: published with the next batch, or at the next start.
      this.ports.onFault?.({ doing: 'publish', error });
    }
  }

  private callEventsOf(records: readonly ReceivedRecord[]): CallEvent[] {
    const events: CallEvent[] = [];
    for (const { topic, partition, position, headers, value } of records) {
      if (headers.ce_subject === undefined || DEAD_LETTER.test(topic)) continue;
      const event = decodeStored(headers, value);
      if (event?.callId != null) events.push({ ...event, callId: event.callId });
      else if (event === null)
        this.ports.onFault?.({
          doing: 'decode',
          error: new AppError('contract.invalid-event', eventTypeOf(headers) ?? 'no type'),
          topic,
          partition,
          position,
        });
    }
    return events;
  }

  /** A span for each event, in the trace of its call. */
  private trace(records: readonly ReceivedRecord[], startedAtMs: number): void {
    const { telemetry } = this.ports;
    if (!telemetry.isTracing) return;
    for (const { topic, partition, headers } of records) {
      telemetry
        .startSpan(`record ${topic}`, {
          kind: 'consumer',
          parentTraceparent: headers.traceparent ?? headers.ce_traceparent ?? null,
          startedAtMs,
          attributes: {
            [ATTRIBUTES.messagingDestinationName]: topic,
            [ATTRIBUTES.messagingPartition]: String(partition),
            [ATTRIBUTES.messagingConsumerGroup]: AUDIT_GROUP,
            [ATTRIBUTES.eventType]: eventTypeOf(headers) ?? undefined,
            [ATTRIBUTES.callId]: headers.ce_subject,
            [ATTRIBUTES.tenantId]: headers.ce_tenantid,
          },
        })
        .end();
    }
  }
}
