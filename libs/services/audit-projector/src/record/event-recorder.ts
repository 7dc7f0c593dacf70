import { AppError, type EncodedEvent, eventTypeOf } from '@sallyport/contracts';
import { OutboxPublisher, type ReceivedRecord, type RecordBatch } from '@sallyport/log';
import { ATTRIBUTES } from '@sallyport/platform';
import { AUDIT_GROUP, type AuditProjectorPorts } from '../audit-projector.ports.js';
import { type CallEvent, foldIntoStates, lockStates, saveStates } from '../calls/call-view.store.js';
import { saveDerivedViews } from '../calls/derived-views.store.js';
import { DEAD_LETTER, decodeStored } from '../calls/rebuild-calls.js';
import { type EventSource, ocsfLoginOf, releaseEnded } from '../calls/released-calls.js';
import { acrossTenantsOpening } from '../tenant-scope.js';
import { linkToChains, lockHeads, writeLinks } from './event-chain.store.js';

/** What may be about logins to the console: none of them is about a call. */
const LOGIN_TYPES: ReadonlySet<string> = new Set(['ConsoleSessionOpened', 'ConsoleSessionEnded', 'RequestRejected']);

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
    const events = this.callEventsOf(batch.records);
    const staged = await acrossTenantsOpening(
      this.ports.database,
      (tx) => Promise.all([lockHeads(tx, batch.records), lockStates(tx, [...events.values()])]),
      async (tx, [heads, states]) => {
        const links = linkToChains(heads, batch.records);
        const folded = foldIntoStates(
          states,
          links.added.flatMap((record) => events.get(record) ?? []),
        );
        const calls = folded.map(({ state }) => state);
        const [, , , ocsf] = await Promise.all([
          writeLinks(tx, links),
          saveStates(tx, folded),
          saveDerivedViews(tx, folded),
          releaseEnded(tx, calls, this.source),
        ]);
        const logins = links.added.flatMap((record) => this.loginOf(record) ?? []);
        const [, written] = await Promise.all([batch.advance(tx), this.outbox.stage(tx, [...ocsf, ...logins])]);
        return written;
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

  private callEventsOf(records: readonly ReceivedRecord[]): ReadonlyMap<ReceivedRecord, CallEvent> {
    const events = new Map<ReceivedRecord, CallEvent>();
    for (const record of records) {
      const { topic, partition, position, headers } = record;
      if (headers.ce_subject === undefined || DEAD_LETTER.test(topic)) continue;
      const event = decodeStored(record);
      if (event?.callId != null) events.set(record, { ...event, callId: event.callId });
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

  private loginOf(record: ReceivedRecord): EncodedEvent | null {
    if (!LOGIN_TYPES.has(eventTypeOf(record.headers) ?? '') || DEAD_LETTER.test(record.topic)) return null;
    const event = decodeStored(record);
    return event === null ? null : ocsfLoginOf(event, this.source);
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
