import { AppError, type ErrorCode } from '@sallyport/contracts';
import { ATTRIBUTES, type Clock, type HealthRegistry, type Logger, type Telemetry } from '@sallyport/platform';
import type { AuthenticatedCall } from '../invoke/authenticated-call.js';
import type { CallRunner } from '../invoke/call-runner.js';
import type { CallOutcome, Exchange } from '../invoke/exchange.port.js';

/** Runs calls for the transports and measures them: one span, one duration, one line for a refusal, silence for a success. */
export class GovernedRequests {
  constructor(
    private readonly dependencies: {
      readonly runner: CallRunner;
      readonly telemetry: Telemetry;
      readonly clock: Clock;
      readonly logger: Logger;
      readonly health: HealthRegistry;
    },
  ) {}

  async run(call: AuthenticatedCall, exchange: Exchange): Promise<CallOutcome> {
    const { runner, telemetry, clock, logger, health } = this.dependencies;
    const { meters } = telemetry;
    const tenant = { [ATTRIBUTES.tenantId]: call.principal.tenantId };
    meters.callsInFlight.add(1, tenant);
    // Streams end when the process does; a drain waits for calls alone.
    const leave = call.isStream ? () => {} : health.enter();
    const outcome = await runner.run(call, exchange);
    leave();
    meters.callsInFlight.add(-1, tenant);
    const code = codeOf(outcome);
    meters.serverOperationDuration.record((clock.monotonicMs() - call.receivedAtMs) / 1_000, {
      [ATTRIBUTES.mcpMethodName]: call.method,
      [ATTRIBUTES.toolName]: call.target.kind === 'tool' ? (call.target.name ?? undefined) : undefined,
      [ATTRIBUTES.errorType]: code ?? undefined,
    });
    const fields = { callId: call.callId, traceId: call.span.traceId, method: call.method };
    if (code === null) logger.debug(fields, 'call answered');
    else {
      meters.refusals.add(1, { [ATTRIBUTES.errorType]: code });
      logger.info({ ...fields, code }, 'call refused');
    }
    call.span.end(code === null ? undefined : { error: new AppError(code, 'the call was refused') });
    return outcome;
  }
}

const codeOf = (outcome: CallOutcome): ErrorCode | null => {
  switch (outcome.kind) {
    case 'answered':
      return null;
    case 'refused':
      return outcome.code;
    case 'cancelled':
      return 'call.cancelled';
    // Whoever comes back by itself is not refused.
    case 'waiting':
      return outcome.requestState === null ? 'approval.required' : null;
  }
};

/** A refusal as the error that transports word. */
export const refusalError = (outcome: Extract<CallOutcome, { kind: 'refused' }>): AppError =>
  new AppError(outcome.code, 'the call was refused', {
    detail: { ...outcome.detail, ...(outcome.requiredScopes.length === 0 ? {} : { requiredScopes: outcome.requiredScopes }) },
  });
