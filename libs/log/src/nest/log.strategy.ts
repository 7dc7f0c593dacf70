import { BaseRpcContext, type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { PositionStore } from '../consumption/position-store.port.js';
import type { EventLog, RecordBatch, SubscribeOptions, Subscription } from '../event-log.port.js';
import { LOG_TRANSPORT, type LogBatchOptions } from './on-log-batch.decorator.js';

/** What is known of a group only when the application is composed; replaces what the handler declares. */
export type GroupBinding = Partial<Omit<SubscribeOptions, 'handle'>>;

export interface LogStrategyOptions {
  readonly log: EventLog;
  /** Positions of a group, asked for unless the group's binding or its handler says otherwise. */
  readonly positions?: (group: string) => PositionStore;
  /** By the group a handler declares. */
  readonly bindings?: Readonly<Record<string, GroupBinding>>;
}

/**
 * Runs `@OnLogBatch` handlers in Nest's microservice lifecycle, on any log; an application may hold several groups.
 * `listen` resolves when every subscription is ready; `close` finishes the batches in hand, then leaves the groups. The log itself is the
 * caller's to close.
 */
export class LogStrategy extends Server implements CustomTransportStrategy {
  override transportId = LOG_TRANSPORT;
  override readonly propagatesEventHandlerErrors = true;
  private readonly bindings = new Map<string, GroupBinding>();
  private readonly subscriptions = new Map<string, Subscription>();

  constructor(private readonly options: LogStrategyOptions) {
    super();
    for (const [group, binding] of Object.entries(options.bindings ?? {})) this.bind(group, binding);
  }

  /** Binds what a group's handler cannot know when it is declared: its store, the name of this instance, what it accepts. Before `listen`. */
  bind(group: string, binding: GroupBinding): void {
    this.bindings.set(group, { ...this.bindings.get(group), ...binding });
  }

  /** The subscription of a declared group, once listening. */
  subscription(group: string): Subscription | undefined {
    return this.subscriptions.get(group);
  }

  override addHandler(pattern: unknown, callback: MessageHandler, isEventHandler = false, extras: Record<string, unknown> = {}): void {
    const name = JSON.stringify(pattern);
    if (this.messageHandlers.has(this.normalizePattern(JSON.parse(name)))) throw new TypeError(`two handlers for ${name}`);
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  listen(callback: (error?: unknown) => void): void {
    this.subscribeAll().then(
      () => callback(),
      (error: unknown) => callback(error),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.subscriptions.values()].map((subscription) => subscription.close()));
    this.subscriptions.clear();
  }

  on(): void {}

  unwrap<T = EventLog>(): T {
    throw new TypeError('the log is not unwrapped: inject it');
  }

  private async subscribeAll(): Promise<void> {
    for (const handler of this.messageHandlers.values()) {
      const declared: LogBatchOptions | undefined = handler.extras?.logBatch;
      if (declared === undefined) continue;
      this.subscriptions.set(declared.group, await this.options.log.subscribe(this.complete(declared, handler)));
    }
    await Promise.all([...this.subscriptions.values()].map(({ ready }) => ready));
  }

  private complete(declared: LogBatchOptions, handler: MessageHandler): SubscribeOptions {
    const binding = this.bindings.get(declared.group);
    const positions = binding?.positions ?? declared.positions ?? this.options.positions?.(declared.group);
    if (positions === undefined) throw new TypeError(`group ${declared.group} has no positions`);
    return { from: 'earliest', ...declared, ...binding, positions, handle: (batch) => this.run(handler, batch, declared.group) };
  }

  private async run(handler: MessageHandler, batch: RecordBatch, group: string): Promise<void> {
    const result: unknown = await handler(batch, new BaseRpcContext([group]));
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }
}
