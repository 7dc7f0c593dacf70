import { hash } from 'node:crypto';

/**
 * The same id for the same parts, in the form of a UUID (RFC 9562, version 8): for an event that may be written twice, so that whoever reads it
 * drops the second.
 */
export const derivedId = (...parts: readonly (string | number)[]): string => {
  const bytes = hash('sha256', JSON.stringify(parts), 'buffer').subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/** The id of the decision of a call's evaluation, whoever publishes it and however often: the first one counts. */
export const decisionIdOf = (callId: string, evaluation: number): string => derivedId('PolicyDecided', callId, evaluation);
