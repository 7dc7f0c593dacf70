import type { LogRecord, ReceivedRecord } from '../event-log.port.js';

/** Headers of a dead letter, beside those of the record. Names are fixed: the PDP and operators read them. */
export const DEAD_LETTER_HEADERS = {
  /** `poison`: could not be handled. `behind-poison`: follows one under the same key. */
  reason: 'sallyport-dead-letter-reason',
  group: 'sallyport-dead-letter-group',
  topic: 'sallyport-dead-letter-topic',
  partition: 'sallyport-dead-letter-partition',
  position: 'sallyport-dead-letter-position',
  errorCode: 'sallyport-dead-letter-error',
} as const;

/** The record as it was, with why and where from. Nothing of the error but its code: messages may hold values. */
export const deadLetterOf = (
  record: ReceivedRecord,
  { topic, group, reason, errorCode }: { topic: string; group: string; reason: 'poison' | 'behind-poison'; errorCode: string },
): LogRecord => ({
  topic,
  key: record.key,
  id: record.id,
  headers: {
    ...record.headers,
    [DEAD_LETTER_HEADERS.reason]: reason,
    [DEAD_LETTER_HEADERS.group]: group,
    [DEAD_LETTER_HEADERS.topic]: record.topic,
    [DEAD_LETTER_HEADERS.partition]: String(record.partition),
    [DEAD_LETTER_HEADERS.position]: String(record.position),
    [DEAD_LETTER_HEADERS.errorCode]: errorCode,
  },
  value: record.value,
});

/** A code that says what kind of fault it was: ours, the driver's SQLSTATE, or the class of the error. */
export const errorCodeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[\w.-]{1,60}$/.test(code) ? code : error.name;
};
