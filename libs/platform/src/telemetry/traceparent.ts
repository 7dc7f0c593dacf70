/** What a `traceparent` says (W3C Trace Context, section 3.2). */
export interface TraceContext {
  /** 32 lowercase hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 lowercase hexadecimal digits, not all zero. */
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Version 00 has nothing after the flags; a later version may, after another dash, and is read as far as 00 goes. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** No known version needs more; a longer one is an attempt on our rows. */
const LENGTH_MAX = 512;

/** Reads a `traceparent` from a stranger; `undefined` for anything that is not exactly one, which then starts a trace of its own. */
export const parseTraceparent = (text: unknown): TraceContext | undefined => {
  if (typeof text !== 'string' || text.length > LENGTH_MAX) return undefined;
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
};

/** Writes version 00. */
export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string => `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
