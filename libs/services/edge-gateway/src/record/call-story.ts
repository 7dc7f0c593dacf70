import { type AnyEnvelope, type EncodedEvent, encodeEvent, type Principal } from '@sallyport/contracts';
import {
  decideToolCall,
  evolveToolCall,
  initialToolCall,
  type ToolCallCommand,
  type ToolCallEvent,
  type ToolCallFact,
  type ToolCallState,
} from '@sallyport/domain';
import type { EventLog } from '@sallyport/log';
import type { Clock, IdSource } from '@sallyport/platform';

/** Who a story is about, and where it is told from. */
export interface StoryIdentity {
  readonly callId: string;
  readonly chainId: string;
  readonly principal: Principal;
  readonly edgeId: string;
  readonly traceparent: string;
}

export interface StoryDependencies {
  readonly log: Pick<EventLog, 'append'>;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** `/edge-gateway/<instance>/<boot>`: which run of which instance wrote an event, so that recovery can tell whose calls were lost. */
  readonly source: string;
}

/** How long a step waits for the next one to travel with. */
const COMPANY_MS = 25;

/** A step that waits for the next. */
interface Waiting {
  readonly records: readonly EncodedEvent[];
  readonly timer: NodeJS.Timeout;
  readonly settle: (appended: Promise<void>) => void;
}

/** What a wish led to. `durable` never rejects unheard: whoever does not await it has the failure in `isDurable` of the next step. */
export interface Step {
  readonly events: readonly ToolCallEvent[];
  readonly records: readonly EncodedEvent[];
  readonly durable: Promise<void>;
}

/** What a wish came to that led to nothing. */
const NOTHING: Step = { events: [], records: [], durable: Promise.resolve() };

const ignore = (): void => {};

/**
 * One call's stream while its client waits: decides by the domain's rules, folds, and appends in order under the call's chain. Begins where the
 * call stands: with nothing, or as it was left when its client comes back.
 */
export class CallStory {
  private lastEventId: string | null = null;
  private lastDecisionId: string | null = null;
  private ending: Step | null = null;
  private waiting: Waiting | null = null;

  constructor(
    readonly identity: StoryIdentity,
    private readonly dependencies: StoryDependencies,
    private current: ToolCallState = initialToolCall,
  ) {}

  get state(): ToolCallState {
    return this.current;
  }

  /** The step that ended the call; `null` while it goes on, and where its end was not appended by `step`. */
  get end(): Step | null {
    return this.ending;
  }

  /** Folds a fact that another service wrote. `causes` is its id where the next event follows from it. */
  learn(fact: ToolCallFact, causes: string | null): void {
    this.current = evolveToolCall(this.current, fact);
    if (causes !== null) this.lastDecisionId = causes;
  }

  /**
   * Decides and folds at once; `durable` resolves when the log holds what was decided and rejects with `log.unavailable`. `causedBy` is the event
   * of another stream that led to the command.
   */
  step(command: ToolCallCommand, causedBy: string | null = null): Step {
    const { events, records } = this.withhold(command, causedBy);
    if (events.length === 0) return NOTHING;
    const durable = this.append(records);
    durable.catch(ignore);
    const step: Step = { events, records, durable };
    if (this.current.status === 'closed') this.ending ??= step;
    return step;
  }

  /**
   * As `step`, for what nothing waits for: travels with the next step in one append, and by itself when that does not come within 25 ms. Both have
   * the same fate then.
   */
  stepInCompany(command: ToolCallCommand): Step {
    const { events, records } = this.withhold(command);
    if (events.length === 0) return NOTHING;
    this.leave();
    const durable = new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.leave(), COMPANY_MS);
      this.waiting = { records, timer, settle: resolve };
    });
    durable.catch(ignore);
    return { events, records, durable };
  }

  /** The same without appending: for a log that is known to be down. */
  withhold(command: ToolCallCommand, causedBy: string | null = null): Omit<Step, 'durable'> {
    if (causedBy !== null) this.lastDecisionId = causedBy;
    const events = decideToolCall(command, this.current);
    if (events.length === 0) return NOTHING;
    const records = events.map((event) => this.encode(event));
    this.current = events.reduce<ToolCallState>(evolveToolCall, this.current);
    return { events, records };
  }

  private append(records: readonly EncodedEvent[]): Promise<void> {
    const { waiting } = this;
    if (waiting === null) return this.dependencies.log.append(records);
    this.waiting = null;
    clearTimeout(waiting.timer);
    const appended = this.dependencies.log.append([...waiting.records, ...records]);
    waiting.settle(appended);
    return appended;
  }

  /** Sends what waits without company. */
  private leave(): void {
    if (this.waiting !== null) this.append([]).catch(ignore);
  }

  private encode(event: ToolCallEvent): EncodedEvent {
    const { callId, chainId, principal, edgeId, traceparent } = this.identity;
    const id = this.dependencies.ids.uuidv7();
    const causationId = this.lastDecisionId ?? this.lastEventId;
    this.lastEventId = id;
    this.lastDecisionId = null;
    return encodeEvent({
      id,
      type: event.type,
      version: 1,
      source: this.dependencies.source,
      occurredAt: this.dependencies.clock.nowIso(),
      tenantId: principal.tenantId,
      key: chainId,
      callId,
      chainId,
      subject: principal.subject,
      actor: principal.actors[0] ?? null,
      causationId,
      traceparent,
      edgeId,
      data: event.data,
    } as AnyEnvelope);
  }
}
