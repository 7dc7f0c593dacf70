import { type EncodedEvent, isAppError } from '@sallyport/contracts';
import type { JsonObject } from '@sallyport/mcp';
import type { Step } from '../record/call-story.js';
import type { CallRunnerDependencies, GovernedCall } from './call-runner.js';
import type { ClaimResult } from './dispatch-claims.port.js';
import { sealAnswer } from './idempotent-answers.js';

/** The one attempt of a call so far. */
export const ATTEMPT = 1;

/**
 * What becomes of a claim: an answer that is delivered; nothing that was done, so that its key is free again; what nobody knows and nobody needs to; or
 * what a person must find out, who then ends it.
 */
export type Ending = { readonly answer: JsonObject } | 'nothing-done' | 'unknown' | 'in-doubt';

/** The right of one call to be sent: won before its first byte, looked after while it is asked for anew, ended with its outcome. One object per call. */
export class HeldClaim {
  private isHeld = false;
  private grant: string | null = null;
  private isDispatched = false;
  /** A dispatch on record uses the grant up, whether or not anything of it was sent. */
  private isGrantUsed = false;

  constructor(
    private readonly governed: GovernedCall,
    private readonly dependencies: CallRunnerDependencies,
  ) {}

  /** Whether it is held for another grant than this one, or for one where none is needed now. */
  isForAnother(approvalId: string | null): boolean {
    return this.isHeld && this.grant !== approvalId;
  }

  /** `taken`, too, when recovery gave the call up while this gateway stood still. Throws `store.unavailable`. */
  async win(approvalId: string | null): Promise<ClaimResult> {
    const { story, key } = this.governed;
    const { claims } = this.dependencies;
    const { callId, chainId, principal, edgeId } = story.identity;
    if (this.isHeld) {
      this.isHeld = await claims.renew(callId, ATTEMPT);
      return this.isHeld ? 'won' : 'taken';
    }
    const result = await claims.win({ callId, attempt: ATTEMPT, tenantId: principal.tenantId, chainId, edgeId, key, approvalId });
    this.isHeld = result === 'won';
    this.grant = approvalId;
    return result;
  }

  /** A dispatch is about to be on record: from now on only its outcome ends the claim. */
  noteDispatch(): void {
    this.isDispatched = true;
  }

  /** It is on record that nothing was sent of what was dispatched. */
  noteRecall(): void {
    this.isDispatched = false;
    this.isGrantUsed = true;
  }

  /** Ends a claim under which nothing is dispatched: the call was refused, or given up, after it had won. */
  letGo(): Promise<void> {
    return this.isDispatched ? Promise.resolve() : this.end('nothing-done');
  }

  /**
   * Waits for what was said of a call to be on record, and ends the claim then. What the log does not take is kept to be recorded later: in the claim
   * where there is one. Answers whether all of it is on record.
   */
  async endOnRecord(steps: readonly Step[], ending: Ending): Promise<boolean> {
    const missing: EncodedEvent[] = [];
    for (const { durable, records } of steps) {
      try {
        await durable;
      } catch {
        missing.push(...records);
      }
    }
    if (missing.length > 0) await this.keep(missing, ending);
    else if (this.isHeld) await this.end(ending);
    return missing.length === 0;
  }

  /** Keeps what is to be recorded when the log is back, with what becomes of the claim then. */
  async keep(records: readonly EncodedEvent[], ending: Ending): Promise<void> {
    const { claims, unrecorded } = this.dependencies;
    const { callId } = this.governed.call;
    if (this.isHeld)
      await claims
        .keep({ callId, attempt: ATTEMPT, records, answer: this.keptAnswer(ending), isNothingSent: ending === 'nothing-done' })
        .catch(() => {});
    unrecorded.hold(records, () => {
      if (this.isHeld) claims.settle(callId, ATTEMPT);
    });
  }

  /** A key whose end could not be written stays in doubt: its call is never made twice. */
  private async end(ending: Ending): Promise<void> {
    if (!this.isHeld || ending === 'in-doubt') return;
    const { claims } = this.dependencies;
    const { call, key } = this.governed;
    const answer = this.keptAnswer(ending);
    const isGrantUnused = !this.isDispatched && !this.isGrantUsed;
    try {
      if (answer !== null) return await claims.conclude(call.callId, ATTEMPT, answer);
      if (ending === 'nothing-done' && (key !== null || isGrantUnused))
        return await claims.release(call.callId, ATTEMPT, { isGrantUnused });
    } catch (error) {
      if (!isAppError(error)) throw error;
    }
    claims.settle(call.callId, ATTEMPT);
  }

  private keptAnswer(ending: Ending): string | 'too-large' | null {
    const { call, key } = this.governed;
    if (key === null || typeof ending === 'string') return null;
    return sealAnswer(ending.answer, call.principal.tenantId, call.callId, this.dependencies.sealer);
  }
}
