import type { EncodedEvent } from '@sallyport/contracts';

/** What a caller means to happen once: its key, bound to principal and tool by a digest, and what it was sent with. */
export interface IdempotencyKey {
  /** Keyed digest of principal, tool and the caller's key. */
  readonly scope: string;
  readonly paramsHash: string;
}

/** The right to dispatch one attempt of a call. */
export interface DispatchClaim {
  readonly callId: string;
  readonly attempt: number;
  readonly tenantId: string;
  readonly chainId: string;
  readonly edgeId: string;
  /** Claimed together with the attempt: whoever has the key has it for ever, unless nothing was sent. */
  readonly key: IdempotencyKey | null;
  /** The grant that the attempt uses up; whoever claims it first has it, and nobody after. */
  readonly approvalId: string | null;
}

/** The call that has a key. */
export interface EarlierCall {
  readonly callId: string;
  readonly paramsHash: string;
  /** `open`: under way, or lost on the way. `answered`: its delivered answer, sealed. `not-retained`: answered, and the answer is gone. */
  readonly state: 'open' | 'not-retained' | { readonly answered: string };
}

/** `taken`: somebody else has the attempt. `approval-used`: another call used the grant. */
export type ClaimResult = 'won' | 'taken' | 'approval-used' | EarlierCall;

/** An outcome that is kept until the log takes it. */
export interface KeptOutcome {
  readonly callId: string;
  readonly attempt: number;
  readonly records: readonly EncodedEvent[];
  /** The sealed answer of a keyed call, served once the outcome is on record. */
  readonly answer: string | 'too-large' | null;
  /** Whether nothing was sent: then the key is given back at once. */
  readonly isNothingSent: boolean;
}

/** Who may dispatch what: at most one wins each attempt of a call and each key, for ever, whichever replica it runs on. */
export interface DispatchClaims {
  /** Durable when it resolves. Nothing may be sent unless it is `won`. Throws `store.unavailable`. */
  win(claim: DispatchClaim): Promise<ClaimResult>;
  /**
   * Whether an attempt that was won is still to be had: `false` when it has ended, as where recovery gave the call up while its gateway stood still.
   * Throws `store.unavailable`.
   */
  renew(callId: string, attempt: number): Promise<boolean>;
  /** Whether anybody has an attempt of a call: then it has ended, or is about to. Throws `store.unavailable`. */
  isClaimed(callId: string): Promise<boolean>;
  /** The call that has a key; `null`: nobody. Throws `store.unavailable`. */
  earlier(tenantId: string, scope: string): Promise<EarlierCall | null>;
  /** Marks attempts as ended, so that recovery leaves them alone. Not awaited by calls; failing changes nothing for them. */
  settle(callId: string, attempt: number): void;
  /** Ends the attempt of a keyed call whose answer is on record. Throws `store.unavailable`: then its key stays in doubt. */
  conclude(callId: string, attempt: number, answer: string | 'too-large'): Promise<void>;
  /**
   * Ends an attempt of which nothing was sent and gives its key back, and its grant where no dispatch is on record. Throws `store.unavailable`: then
   * its key stays in doubt.
   */
  release(callId: string, attempt: number, options: { readonly isGrantUnused: boolean }): Promise<void>;
  /** Keeps an outcome the log did not take. Throws `store.unavailable`. */
  keep(outcome: KeptOutcome): Promise<void>;
  /** Outcomes of this instance that were kept and never settled, oldest first. */
  kept(edgeId: string): Promise<readonly Omit<KeptOutcome, 'answer' | 'isNothingSent'>[]>;
  /**
   * Takes answers away that are older than a day, and attempts that ended before that. Keys and grants stay taken. Throws `store.unavailable`.
   */
  dropAnswers(): Promise<void>;
  /** Waits for what runs. */
  drain(): Promise<void>;
}
