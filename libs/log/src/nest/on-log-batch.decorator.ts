import { applyDecorators, Catch, type RpcExceptionFilter, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { type Observable, throwError } from 'rxjs';
import type { SubscribeOptions } from '../event-log.port.js';

/** Marks handlers as the log's: other transports of an application pass them over, and the log passes over theirs. */
export const LOG_TRANSPORT = Symbol('sallyport-log');

/** What a handler declares of its subscription; the rest is bound to its group when the application is composed. */
export type LogBatchOptions = Omit<SubscribeOptions, 'handle' | 'positions' | 'from'> & {
  /** Default `earliest`. */
  readonly from?: SubscribeOptions['from'];
  /** `ephemeral`, or else the positions that the strategy binds to the group. */
  readonly positions?: 'ephemeral';
};

/** The log decides by the error itself what becomes of a batch, so no filter may turn it into something else. */
@Catch()
class HandOn implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Declares a controller's method as the handler of a consumer group: `(batch: RecordBatch) => Promise<void>`. The same declaration runs on
 * every log. One handler per group.
 */
export const OnLogBatch = (options: LogBatchOptions): MethodDecorator =>
  applyDecorators(EventPattern({ logGroup: options.group }, LOG_TRANSPORT, { logBatch: options }), UseFilters(new HandOn()));
