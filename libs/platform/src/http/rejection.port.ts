import type { ErrorCode } from '@sallyport/contracts';

/** A request that was turned away before it had a principal or a form. */
export interface Rejection {
  readonly code: ErrorCode;
  /** Peer address; only its keyed digest is recorded. */
  readonly source: string;
  /** The tenant, where a principal was known after all. */
  readonly tenantId: string | null;
  readonly method: string;
  /** The route's pattern, never the raw path. */
  readonly route: string;
  readonly httpStatus: number;
  readonly traceparent: string;
}

/** Where rejections become events. */
export interface RejectionRecord {
  /** Resolves when the rejection is on record: answer only then. Rejects with `log.unavailable`; the rejection stays counted. */
  record(rejection: Rejection): Promise<void>;
}
