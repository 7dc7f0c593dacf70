import type { EncodedEvent } from '@sallyport/contracts';

/** The right to dispatch one attempt of a call. */
export interface DispatchClaim {
  readonly callId: string;
  readonly attempt: number;
  readonly tenantId: string;
  readonly chainId: string;
  readonly edgeId: string;
}

/** An outcome that is kept until the log takes it. */
export interface KeptOutcome {
  readonly callId: string;
  readonly attempt: number;
  readonly records: readonly EncodedEvent[];
}

/** Who may dispatch what: at most one wins each attempt of a call, for ever, whichever replica it runs on. */
export interface DispatchClaims {
  /** Durable when it resolves. `false`: somebody else has the attempt, and nothing may be sent. Throws `store.unavailable`. */
  win(claim: DispatchClaim): Promise<boolean>;
  /** Marks attempts as ended, so that recovery leaves them alone. Not awaited by calls; failing changes nothing for them. */
  settle(callId: string, attempt: number): void;
  /** Keeps an outcome the log did not take. Throws `store.unavailable`. */
  keep(outcome: KeptOutcome): Promise<void>;
  /** Outcomes of this instance that were kept and never settled, oldest first. */
  kept(edgeId: string): Promise<readonly KeptOutcome[]>;
  /** Waits for what runs. */
  drain(): Promise<void>;
}
