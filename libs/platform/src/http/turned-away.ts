import { AppError } from '@sallyport/contracts';
import type { Logger } from '../logging/logger.js';
import { ATTRIBUTES } from '../telemetry/attributes.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import type { Rejection, RejectionRecord } from './rejection.port.js';

export interface TurnedAwayOptions {
  readonly telemetry: Pick<Telemetry, 'startSpan' | 'meters'>;
  readonly logger: Logger;
}

/**
 * Notes requests that the HTTP server or a service's API turned away: as a span, a count and a line, and as an event where the process has the
 * one writer of such events (the gateway). Services that run apart from it leave the line and the count.
 */
export class TurnedAway {
  private recordOf: () => RejectionRecord | null = () => null;

  constructor(private readonly options: TurnedAwayOptions) {}

  /** From now on rejections are events as well. */
  recordIn(recordOf: () => RejectionRecord): void {
    this.recordOf = recordOf;
  }

  /** Resolves with the error to answer with once the rejection is noted: `error`, or `log.unavailable` where it could not be put on record. */
  async note(
    error: AppError,
    request: Pick<Rejection, 'method' | 'route' | 'source'> & { readonly traceparent: string | null },
  ): Promise<AppError> {
    const { telemetry, logger } = this.options;
    const { method, route, source } = request;
    const span = telemetry.startSpan(`${method} ${route}`, { kind: 'server', parentTraceparent: request.traceparent });
    let told = error;
    try {
      const { http: httpStatus } = error.definition;
      await this.recordOf()?.record({
        code: error.code,
        source,
        tenantId: null,
        method,
        route,
        httpStatus,
        traceparent: span.traceparent,
      });
    } catch (cause) {
      told = new AppError('log.unavailable', 'a rejection could not be recorded', { cause });
    }
    telemetry.meters.rejections.add(1, { [ATTRIBUTES.errorType]: told.code, [ATTRIBUTES.httpRoute]: route });
    span.end({ error: told });
    logger.info({ code: told.code, method, route }, 'request rejected');
    return told;
  }
}
