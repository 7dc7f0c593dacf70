import { type AnyEnvelope, type CallSpan, CallStage } from '@sallyport/contracts';
import { epochMsOf } from './instant.js';

/** Of stretches that begin together, the one that is first in a call's life. */
const ORDER = CallStage.options;

interface Stretch {
  readonly stage: CallStage;
  readonly fromMicros: number;
  readonly toMicros: number;
  readonly eventId: string;
}

/** What an end says of how long the call took in all; `undefined` of what is no end, `null` of an end that does not say. */
const totalMicrosOf = (event: AnyEnvelope): number | null | undefined => {
  switch (event.type) {
    case 'ToolCallCompleted':
    case 'ToolCallFailed':
    case 'ToolCallRefused':
    case 'ToolCallCancelled':
    case 'ToolCallPlanned':
      return event.data.totalMicros;
    case 'ToolCallAbandoned':
    case 'ToolCallInDoubt':
      return null;
    default:
      return undefined;
  }
};

/** Follows the events of one call in the order of their times. */
class Clockwork {
  readonly stretches: Stretch[] = [];
  private requestedAt: number | null = null;
  private askedAt: number | null = null;
  private answeredAt: number | null = null;
  private parkedAt: number | null = null;
  private endedAt: number | null = null;

  step(event: AnyEnvelope, at: number): void {
    const { askedAt } = this;
    switch (event.type) {
      case 'ToolCallRequested':
        this.requestedAt ??= at;
        this.ask(at);
        break;
      case 'ToolCallReevaluationRequested':
        this.ask(at);
        break;
      case 'PolicyDecided': {
        const begun = Math.max(askedAt ?? 0, at - event.data.durationMicros);
        if (askedAt !== null) this.add('queue', askedAt, begun, event);
        this.add('decide', askedAt === null ? at - event.data.durationMicros : begun, at, event);
        this.answeredAt = Math.max(this.answeredAt ?? at, at);
        break;
      }
      case 'BudgetReserved':
      case 'BudgetReservationRefused':
      case 'BudgetQuoted':
        if (askedAt !== null) this.add('hold', askedAt, at, event);
        this.answeredAt = Math.max(this.answeredAt ?? at, at);
        break;
      case 'ToolCallParked':
        this.parkedAt ??= at;
        break;
      case 'ToolCallResumed':
        this.unpark(event, at);
        this.ask(at);
        break;
      case 'ToolCallDispatched':
        this.add('dispatch', this.answeredAt ?? askedAt ?? at, at, event);
        break;
      case 'ToolCallInputRequired':
        this.add('upstream', at - event.data.upstreamMicros, at, event);
        break;
      case 'BudgetSettled':
        if (this.endedAt !== null) this.add('book', this.endedAt, at, event);
        break;
      default: {
        const totalMicros = totalMicrosOf(event);
        if (totalMicros !== undefined) this.end(event, at, totalMicros);
      }
    }
  }

  private ask(at: number): void {
    this.askedAt = at;
    this.answeredAt = null;
  }

  private unpark(event: AnyEnvelope, at: number): void {
    if (this.parkedAt !== null) this.add('people', this.parkedAt, at, event);
    this.parkedAt = null;
  }

  private end(event: AnyEnvelope, at: number, totalMicros: number | null): void {
    this.unpark(event, at);
    if (event.type === 'ToolCallCompleted' || event.type === 'ToolCallFailed') {
      if (event.data.upstreamMicros > 0) this.add('upstream', at - event.data.upstreamMicros, at, event);
    }
    if (totalMicros !== null && this.requestedAt !== null && this.endedAt === null) {
      const before = totalMicros - (at - this.requestedAt);
      if (before > 0) this.add('receive', this.requestedAt - before, this.requestedAt, event);
    }
    this.endedAt ??= at;
  }

  private add(stage: CallStage, fromMicros: number, toMicros: number, { id }: AnyEnvelope): void {
    this.stretches.push({ stage, fromMicros, toMicros: Math.max(fromMicros, toMicros), eventId: id });
  }
}

/**
 * Where the time of a call went, from its events. Times of events are those of the services that wrote them, to the millisecond: what two clocks
 * that disagree would make negative is shown as nothing. What no event measures (the append that releases the answer) is in no stretch.
 */
export const callSpans = (events: readonly AnyEnvelope[]): CallSpan[] => {
  const timed = events
    .flatMap((event) => {
      const ms = epochMsOf(event.occurredAt);
      return ms === null ? [] : [{ event, at: ms * 1_000 }];
    })
    .sort((left, right) => left.at - right.at);
  const clockwork = new Clockwork();
  for (const { event, at } of timed) clockwork.step(event, at);
  const { stretches } = clockwork;
  const start = Math.min(...stretches.map(({ fromMicros }) => fromMicros), timed[0]?.at ?? 0);
  return stretches
    .sort((left, right) => left.fromMicros - right.fromMicros || ORDER.indexOf(left.stage) - ORDER.indexOf(right.stage))
    .map(({ stage, fromMicros, toMicros, eventId }) => ({
      stage,
      startMicros: Math.round(fromMicros - start),
      durationMicros: Math.round(toMicros - fromMicros),
      eventId,
    }));
};
