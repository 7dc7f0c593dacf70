import { AppError, type Principal } from '@sallyport/contracts';
import type { Sealer } from '@sallyport/platform';

/** A call that waits for people and whose client came back for it. */
export interface ReturnedCall {
  readonly callId: string;
  /** The request for approval it waited for; `null` when it was not known yet. */
  readonly approvalId: string | null;
  readonly evaluation: number;
  /** How often its client came back, counted from 1. */
  readonly round: number;
  readonly paramsHash: string;
  readonly toolDigest: string;
  /** The approval rules it waits for. */
  readonly ruleIds: readonly string[];
}

/** Tells our states from those of upstreams, which travel through untouched. */
const PREFIX = 'sallyport.';
const CONTEXT = 'request-state';
const INVALID = 'requestState is not of a call of this client that still waits';

interface SealedState extends ReturnedCall {
  readonly principal: string;
  readonly expiresAtMs: number;
}

const principalText = ({ issuer, subject, actors }: Principal): string => JSON.stringify([issuer, subject, actors]);

/** Whether a `requestState` was given out by a gateway. */
export const isOwnRequestState = (state: unknown): state is string => typeof state === 'string' && state.startsWith(PREFIX);

/**
 * What a client gets to come back with (MCP 2026-07-28, multi round-trip requests): sealed under the tenant's key and bound to the principal with
 * its chain of agents, so that any replica can go on with the call and nobody else can.
 */
export const sealRequestState = (returned: ReturnedCall, principal: Principal, expiresAtMs: number, sealer: Pick<Sealer, 'seal'>): string =>
  PREFIX +
  sealer.seal(
    principal.tenantId,
    JSON.stringify({ ...returned, principal: principalText(principal), expiresAtMs } satisfies SealedState),
    CONTEXT,
  );

/** Opens what a client came back with. Throws `request.invalid` for what was not given to this principal, was changed, or has expired. */
export const openRequestState = (state: string, principal: Principal, nowMs: number, sealer: Pick<Sealer, 'open'>): ReturnedCall => {
  let text: string;
  try {
    text = sealer.open(principal.tenantId, state.slice(PREFIX.length), CONTEXT).toString();
  } catch (cause) {
    throw new AppError('request.invalid', INVALID, { cause, detail: { paths: ['params.requestState'] } });
  }
  // Sealed by a gateway: nobody else can have written it.
  const { principal: owner, expiresAtMs, ...returned }: SealedState = JSON.parse(text);
  if (owner !== principalText(principal) || expiresAtMs <= nowMs)
    throw new AppError('request.invalid', INVALID, { detail: { paths: ['params.requestState'] } });
  return returned;
};
